import type { Random } from '../random.ts';
import { sizedJson, sizedTopic } from '../sized-json.ts';
import type { InputRecord, TopologyUnderTest } from '../topology-under-test.ts';

type Side = { readonly n: number };
type Pair = { readonly left: number | null; readonly right: number | null };

const START_MS = 1_000_000_000_000;
const END_MS = START_MS + 10_000_000;

const left = sizedTopic<Side>('lefts', 2, { n: 1 });
const right = sizedTopic<Side>('rights', 2, { n: 1 });
const pairs = sizedTopic<Pair>('pairs', 2, { left: 1, right: null });
const selves = sizedTopic<Pair>('selves', 2, { left: 1, right: null });

/** Timestamps grow: what is merged by them is read in the order of appending. */
function generate(random: Random): InputRecord[] {
  const keys = random.int(1, 6);
  let timestamp = START_MS;
  return Array.from({ length: random.int(60, 200) }, (_, n) => {
    timestamp += random.int(1, 30);
    const topic = random.pick([left, right]).name;
    return { topic, key: `key-${random.int(1, keys)}`, value: { n }, timestamp };
  });
}

/** Two streams joined within a time, records that meet none included, and one with itself. */
export const streamJoinsTopology: TopologyUnderTest = {
  name: 'stream-joins',
  inputs: [left, right],
  outputs: [
    { topic: pairs, comparison: 'sequence' },
    { topic: selves, comparison: 'sequence' },
  ],
  declare: (builder) => {
    const window = { beforeMs: 60, afterMs: 30, graceMs: 20 };
    const lefts = builder.source(left);
    lefts
      .outerJoinStream('pairs-join', builder.source(right), {
        ...window,
        value: sizedJson<Side>({ n: 1 }),
        other: sizedJson<Side>({ n: 1 }),
        join: (a, b): Pair => ({ left: a?.n ?? null, right: b?.n ?? null }),
      })
      .to(pairs);
    lefts
      .selfJoin('selves-join', {
        ...window,
        value: sizedJson<Side>({ n: 1 }),
        join: (a, b): Pair => ({ left: a.n, right: b.n }),
      })
      .to(selves);
  },
  generate,
  finalWatermarkMs: END_MS,
};
