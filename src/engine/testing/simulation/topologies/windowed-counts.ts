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

type Click = { readonly item: string; readonly weight: number };
type Totals = { readonly count: number; readonly weight: number };

const WINDOW_MS = 100;
const OUT_OF_ORDER_MS = 30;
const START_MS = 1_000_000_000_000;
const END_MS = START_MS + 10_000_000;

const clicks = sizedTopic<Click>('clicks', 3, { item: 'item-1', weight: 1 });
const totals = sizedTopic<Totals>('totals', 2, { count: 1, weight: 1 });
const windows = sizedTopic<Totals & { readonly start: number; readonly late: boolean }>('windows', 2, {
  count: 1,
  weight: 1,
  start: START_MS,
  late: false,
});

const add = (to: Totals | undefined, { weight }: Click): Totals => ({
  count: (to?.count ?? 0) + 1,
  weight: (to?.weight ?? 0) + weight,
});

/** Tumbling windows made of timers: each holds the clicks of its stretch and speaks when the watermark has passed it. */
const windowed = defineProcessor({
  inputs: { clicks: port<string, Click>() },
  outputs: { windows: port<string, Totals & { readonly start: number; readonly late: boolean }>() },
  stores: { windows: { value: sizedJson<Totals>({ count: 1, weight: 1 }) } },
  reads: { clicks: ({ key, timestamp }) => ({ windows: [nameOf(key, timestamp)] }) },
  process: {
    clicks: ({ key, value, timestamp }, { stores, setTimer, watermark, emit }) => {
      const name = nameOf(key, timestamp);
      const start = startOf(timestamp);
      if (start + WINDOW_MS <= watermark) {
        return emit('windows', key, { count: 1, weight: value.weight, start, late: true }, timestamp);
      }
      stores.windows.put(name, add(stores.windows.get(name), value), timestamp);
      setTimer(name, start + WINDOW_MS);
    },
  },
  onTimer: (name, dueMs, { stores, emit }) => {
    const window = stores.windows.get(name);
    if (window === undefined) return;
    const [key = ''] = name.split('@');
    emit('windows', key, { ...window, start: dueMs - WINDOW_MS, late: false }, dueMs - 1);
    stores.windows.delete(name, dueMs);
  },
});

const startOf = (timestamp: number) => timestamp - (timestamp % WINDOW_MS);
const nameOf = (key: string, timestamp: number) => `${key}@${startOf(timestamp)}`;

function generate(random: Random): InputRecord[] {
  const [users, items] = [random.int(3, 15), random.int(2, 8)];
  let now = START_MS;
  return Array.from({ length: random.int(60, 250) }, () => {
    now += random.int(0, 20);
    return {
      topic: clicks.name,
      key: `user-${random.int(1, users)}`,
      value: { item: `item-${random.int(1, items)}`, weight: random.int(1, 9) },
      timestamp: now - random.int(0, OUT_OF_ORDER_MS),
    };
  });
}

function model(input: Input): Record<string, OutputRecord[]> {
  const byItem = new Map<string, OutputRecord>();
  const byWindow = new Map<string, OutputRecord>();
  for (const { value, timestamp } of recordsOf(input)) {
    const click = value as Click;
    const total = byItem.get(click.item);
    byItem.set(click.item, {
      key: click.item,
      value: add(total?.value as Totals | undefined, click),
      timestamp: Math.max(total?.timestamp ?? 0, timestamp),
    });
    const name = nameOf(click.item, timestamp);
    const start = startOf(timestamp);
    const window = add(byWindow.get(name)?.value as Totals | undefined, click);
    byWindow.set(name, {
      key: click.item,
      value: { ...window, start, late: false },
      timestamp: start + WINDOW_MS - 1,
    });
  }
  return { [totals.name]: [...byItem.values()], [windows.name]: [...byWindow.values()] };
}

export const windowedCountsTopology: TopologyUnderTest = {
  name: 'windowed-counts',
  inputs: [clicks],
  outputs: [
    { topic: totals, comparison: 'last-value-per-key' },
    { topic: windows, comparison: 'multiset' },
  ],
  declare: (builder) => {
    const byItem = builder
      .source(clicks, { watermark: { outOfOrderMs: OUT_OF_ORDER_MS } })
      .keyBy('by-item', ({ item }) => item, { value: clicks.value, partitions: 2 });
    const value = sizedJson<Totals>({ count: 1, weight: 1 });
    byItem
      .aggregate('totals', {
        initial: () => ({ count: 0, weight: 0 }),
        add: (state, { value }) => add(state, value),
        value,
      })
      .toStream()
      .to(totals);
    builder.process('windowed', windowed, { clicks: byItem }).windows.to(windows);
  },
  generate,
  finalWatermarkMs: END_MS,
  model,
};
