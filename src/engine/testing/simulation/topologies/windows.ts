import { textKey } from '../../../serde.ts';
import { hopping, session, sliding, tumbling } from '../../../topology/windows/window.ts';
import { windowedKey } from '../../../topology/windows/windowed-key.ts';
import type { Random } from '../random.ts';
import { sizedJson, sizedTopic } from '../sized-json.ts';
import type { AnyTopic, InputRecord, TopologyUnderTest } from '../topology-under-test.ts';

type Step = { readonly n: number };

const START_MS = 1_000_000_000_000;
const END_MS = START_MS + 10_000_000;

const steps = sizedTopic<Step>('steps', 2, { n: 1 });
const results = (name: string) => ({ ...sizedTopic<number>(name, 2, 1), key: windowedKey(textKey) });
const [tumbled, hopped, slid, sessions, ended, held, changed] = [
  'tumbled',
  'hopped',
  'slid',
  'sessions',
  'ended',
  'held',
  'changed',
].map(results) as unknown as [AnyTopic, AnyTopic, AnyTopic, AnyTopic, AnyTopic, AnyTopic, AnyTopic];

function generate(random: Random): InputRecord[] {
  const keys = random.int(1, 6);
  let now = START_MS;
  return Array.from({ length: random.int(60, 200) }, (_, n) => {
    now += random.int(0, 30);
    const timestamp = now - random.int(0, random.chance(0.1) ? 300 : 30);
    return { topic: steps.name, key: `key-${random.int(1, keys)}`, value: { n }, timestamp };
  });
}

/** Every kind of window over one source, out of order and late: what closes, what is updated, what is held back. */
export const windowsTopology: TopologyUnderTest = {
  name: 'windows',
  inputs: [steps],
  outputs: [
    { topic: tumbled, comparison: 'sequence-per-key' },
    { topic: hopped, comparison: 'sequence-per-key' },
    { topic: slid, comparison: 'sequence-per-key' },
    { topic: sessions, comparison: 'sequence-per-key' },
    { topic: ended, comparison: 'sequence-per-key' },
    { topic: held, comparison: 'sequence-per-key' },
    { topic: changed, comparison: 'last-value-per-key' },
  ],
  declare: (builder) => {
    const source = builder.source(steps);
    const value = sizedJson<number>(1);
    const graceMs = 40;
    const onClose = { value, emit: 'on-close' } as const;
    source
      .windowed(tumbling({ sizeMs: 100, graceMs }))
      .count('tumbling', onClose)
      .to(tumbled);
    const hops = source
      .windowed(hopping({ sizeMs: 100, advanceMs: 50, graceMs }))
      .count('hopping', { value });
    hops.to(hopped);
    hops.suppress('holding', { until: 'window-close' }).to(held);
    source
      .windowed(sliding({ timeDifferenceMs: 60, graceMs }))
      .count('sliding', onClose)
      .to(slid);
    source
      .windowed(session({ gapMs: 50, graceMs }))
      .count('session', { value })
      .to(sessions);
    source
      .windowed(session({ gapMs: 50, graceMs }))
      .count('closed-session', onClose)
      .to(ended);
    source
      .windowed(tumbling({ sizeMs: 200, graceMs }))
      .count('changing', { value, emit: 'per-commit' })
      .to(changed);
  },
  generate,
  finalWatermarkMs: END_MS,
};
