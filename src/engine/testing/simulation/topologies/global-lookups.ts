import type { Random } from '../random.ts';
import { sizedJson, sizedTopic } from '../sized-json.ts';
import {
  type Input,
  type InputRecord,
  type OutputRecord,
  recordsOf,
  type TopologyUnderTest,
} from '../topology-under-test.ts';

type Order = { readonly item: string | null; readonly amount: number };

const START_MS = 1_000_000_000_000;
const END_MS = START_MS + 10_000_000;

const orders = sizedTopic<Order>('orders', 2, { item: null, amount: 1 });
const prices = {
  ...sizedTopic<number>('prices', 3, 1),
  cleanup: { policy: 'compact', tombstoneRetentionMs: 86_400_000 } as const,
};
const bills = sizedTopic<number>('bills', 2, 1);

/** A global table, which every process reads for itself, and state behind the join with it. */
function generate(random: Random): InputRecord[] {
  const known: string[] = [];
  const users = random.int(1, 6);
  let now = START_MS;
  const price = (item: string, value: number | null): InputRecord => {
    return { topic: prices.name, key: item, value, timestamp: now };
  };
  return Array.from({ length: random.int(60, 250) }, (_, i) => {
    now += random.int(0, 30);
    if (known.length === 0 || random.chance(0.3)) {
      // A price changes until the first order may name it: from then on every record finds the same.
      const item = `item-${i}`;
      const changes = Array.from({ length: random.int(0, 2) }, () => {
        return price(item, random.chance(0.3) ? null : random.int(1, 9));
      });
      known.push(item);
      return [...changes, price(item, random.chance(0.2) ? null : random.int(1, 9))];
    }
    const item = random.chance(0.1) ? null : random.chance(0.1) ? 'no-such-item' : random.pick(known);
    const key = `user-${random.int(1, users)}`;
    return { topic: orders.name, key, value: { item, amount: random.int(1, 5) }, timestamp: now };
  }).flat();
}

function model(input: Input): Record<string, OutputRecord[]> {
  const rows = new Map<string | null, number>();
  const sums = new Map<string, number>();
  const billed: OutputRecord[] = [];
  for (const { topic, key, value, timestamp } of recordsOf(input)) {
    if (topic === prices.name) {
      if (value === null) rows.delete(key);
      else rows.set(key, value as number);
    } else if (key !== null) {
      const { item, amount } = value as Order;
      const sum = (sums.get(key) ?? 0) + amount * (rows.get(item) ?? 0);
      sums.set(key, sum);
      billed.push({ key, value: sum, timestamp });
    }
  }
  return { [bills.name]: billed };
}

export const globalLookupsTopology: TopologyUnderTest = {
  name: 'global-lookups',
  inputs: [orders, prices],
  outputs: [{ topic: bills, comparison: 'sequence-per-key' }],
  declare: (builder) => {
    builder
      .source(orders)
      .leftJoinGlobal(
        'priced',
        builder.globalTable(prices),
        ({ value }) => value.item,
        ({ amount }, each) => amount * (each ?? 0),
      )
      .reduce('billed', (sum, amount) => sum + amount, { value: sizedJson<number>(1) })
      .to(bills);
  },
  generate,
  finalWatermarkMs: END_MS,
  model,
};
