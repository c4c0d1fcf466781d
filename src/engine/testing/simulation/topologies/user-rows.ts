import { defineProcessor, port } from '../../../topology/processor.ts';
import type { Random } from '../random.ts';
import { sizedJson, sizedTopic } from '../sized-json.ts';
import {
  type Input,
  type InputRecord,
  type OutputRecord,
  recordsOf,
  type TopologyUnderTest,
} from '../topology-under-test.ts';

type Event = { readonly kind: 'seen' | 'forget' };
type Row = { readonly seen: number; readonly newest: number };

const START_MS = 1_000_000_000_000;
const END_MS = START_MS + 10_000_000;

const events = sizedTopic<Event>('events', 3, { kind: 'seen' });
const rows = {
  ...sizedTopic<Row>('user-rows', 3, { seen: 1, newest: START_MS }),
  cleanup: { policy: 'compact', tombstoneRetentionMs: 86_400_000 } as const,
};
const gone = sizedTopic<Row>('gone', 3, { seen: 1, newest: START_MS });

const next = (row: Row | undefined, timestamp: number): Row => ({
  seen: (row?.seen ?? 0) + 1,
  newest: Math.max(row?.newest ?? 0, timestamp),
});

/** Rows whose output topic is their changelog; being forgotten takes a row away. */
const userRows = defineProcessor({
  inputs: { events: port<string, Event>() },
  outputs: { gone: port<string, Row>() },
  stores: { rows: { value: sizedJson<Row>({ seen: 1, newest: START_MS }), changelog: { name: rows.name } } },
  process: {
    events: ({ key, value: { kind }, timestamp }, { stores, emit }) => {
      const row = stores.rows.get(key);
      if (kind === 'seen') return stores.rows.put(key, next(row, timestamp), timestamp);
      stores.rows.delete(key, timestamp);
      if (row !== undefined) emit('gone', key, row, timestamp);
    },
  },
});

function generate(random: Random): InputRecord[] {
  const users = random.int(2, 15);
  const forgotten = random.pick([0.05, 0.3]);
  let now = START_MS;
  return Array.from({ length: random.int(60, 250) }, () => {
    now += random.int(0, 30);
    const kind = random.chance(forgotten) ? 'forget' : 'seen';
    return { topic: events.name, key: `user-${random.int(1, users)}`, value: { kind }, timestamp: now };
  });
}

function model(input: Input): Record<string, OutputRecord[]> {
  const states = new Map<string, Row>();
  const farewells: OutputRecord[] = [];
  for (const { key, value, timestamp } of recordsOf(input)) {
    if (key === null) continue;
    const row = states.get(key);
    if ((value as Event).kind === 'seen') states.set(key, next(row, timestamp));
    else if (states.delete(key)) farewells.push({ key, value: row, timestamp });
  }
  const left = [...states].map(([key, value]) => ({ key, value, timestamp: value.newest }));
  return { [rows.name]: left, [gone.name]: farewells };
}

export const userRowsTopology: TopologyUnderTest = {
  name: 'user-rows-view',
  inputs: [events],
  outputs: [
    { topic: rows, comparison: 'last-value-per-key' },
    { topic: gone, comparison: 'sequence' },
  ],
  declare: (builder) => {
    builder.process('user-rows-store', userRows, { events: builder.source(events) }).gone.to(gone);
  },
  generate,
  finalWatermarkMs: END_MS,
  model,
};
