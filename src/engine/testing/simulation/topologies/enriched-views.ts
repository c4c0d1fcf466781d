import type { Random } from '../random.ts';
import { sizedJson, sizedTopic } from '../sized-json.ts';
import {
  type Input,
  type InputRecord,
  type OutputRecord,
  recordsOf,
  type TopologyUnderTest,
} from '../topology-under-test.ts';

type Profile = { readonly segment: string };
type View = { readonly page: number };
type Enriched = View & { readonly segment: string | null };
type Seen = { readonly views: number; readonly known: number };

const START_MS = 1_000_000_000_000;
const END_MS = START_MS + 10_000_000;

const profiles = sizedTopic<Profile>('profiles', 3, { segment: 'segment-1' });
const views = sizedTopic<View>('views', 3, { page: 1 });
const enriched = sizedTopic<Enriched>('enriched', 3, { page: 1, segment: null });
const seen = sizedTopic<Seen>('seen', 3, { views: 1, known: 0 });

const addTo = (state: Seen, segment: string | null): Seen => ({
  views: state.views + 1,
  known: state.known + (segment === null ? 0 : 1),
});

/** Timestamps grow from record to record: what is merged by them is read in the order of appending, however it arrives. */
function generate(random: Random): InputRecord[] {
  const users = random.int(2, 10);
  let timestamp = START_MS;
  return Array.from({ length: random.int(60, 250) }, () => {
    timestamp += random.int(1, 30);
    const key = `user-${random.int(1, users)}`;
    if (random.chance(0.5)) return { topic: views.name, key, value: { page: random.int(1, 99) }, timestamp };
    const value = random.chance(0.25) ? null : { segment: `segment-${random.int(1, 5)}` };
    return { topic: profiles.name, key, value, timestamp };
  });
}

function model(input: Input): Record<string, OutputRecord[]> {
  const rows = new Map<string, string | null>();
  const states = new Map<string, Seen>();
  const outputs = { [enriched.name]: [] as OutputRecord[], [seen.name]: [] as OutputRecord[] };
  for (const { topic, key, value, timestamp } of recordsOf(input)) {
    if (key === null) continue;
    if (topic === profiles.name) {
      rows.set(key, (value as Profile | null)?.segment ?? null);
      continue;
    }
    const segment = rows.get(key) ?? null;
    outputs[enriched.name]?.push({ key, value: { page: (value as View).page, segment }, timestamp });
    const state = addTo(states.get(key) ?? { views: 0, known: 0 }, segment);
    states.set(key, state);
    outputs[seen.name]?.push({ key, value: state, timestamp });
  }
  return outputs;
}

/** A join as of the record's timestamp with a table that is a copy of its topic, followed by a count. */
export const enrichedViewsTopology: TopologyUnderTest = {
  name: 'enriched-views',
  inputs: [profiles, views],
  outputs: [
    { topic: enriched, comparison: 'sequence' },
    { topic: seen, comparison: 'sequence-per-key' },
  ],
  declare: (builder) => {
    const rows = builder.table(profiles);
    const joined = builder.source(views).join('enriched', rows, ({ page }, row): Enriched => {
      return { page, segment: row?.segment ?? null };
    });
    joined.to(enriched, { partitioning: 'same' });
    joined
      .aggregate<Seen>('seen', {
        initial: () => ({ views: 0, known: 0 }),
        add: (state, { value }) => addTo(state, value.segment),
        value: sizedJson<Seen>({ views: 1, known: 0 }),
      })
      .to(seen);
  },
  generate,
  finalWatermarkMs: END_MS,
  model,
};
