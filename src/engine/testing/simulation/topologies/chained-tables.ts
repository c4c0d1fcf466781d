import { partitionFor } from '#log';
import { defineProcessor, port } from '../../../topology/processor.ts';
import { type Sum, summed, sumsOf } from '../chained.ts';
import type { Random } from '../random.ts';
import { sizedJson, sizedTopic } from '../sized-json.ts';
import {
  type Input,
  type InputRecord,
  type OutputRecord,
  recordsOf,
  type TopologyUnderTest,
} from '../topology-under-test.ts';

type Product = { readonly price: number };
type Order = { readonly product: string; readonly amount: number };
type Login = { readonly user: string };

const PARTITIONS = 2;
const SUM_MS = 60;
const OUT_OF_ORDER_MS = 30;
const GRACE_MS = 20;
const HISTORY_MS = 100_000;
const START_MS = 1_000_000_000_000;
const END_MS = START_MS + 10_000_000;

/** Compacted, so that nothing is announced on it at the end: time must not wait for a table. */
const products = {
  ...sizedTopic<Product>('products', 3, { price: 1 }),
  cleanup: { policy: 'compact', tombstoneRetentionMs: 86_400_000 } as const,
};
const orders = sizedTopic<Order>('orders', PARTITIONS, { product: 'product-1', amount: 1 });
const logins = sizedTopic<Login>('logins', PARTITIONS, { user: 'user-1' });
const probes = sizedTopic<Login>('probes', PARTITIONS, { user: 'user-1' });
const turnover = sizedTopic<Sum>('turnover', PARTITIONS, { start: START_MS, sum: 1 });
const counts = sizedTopic<number>('login-counts', PARTITIONS, 1);

/** Products are all there before the first order names one, and each order comes once: so each meets its product once. */
function generate(random: Random): InputRecord[] {
  const [users, known] = [random.int(1, 5), random.int(1, 5)];
  const stock = Array.from({ length: known }, (_, i): InputRecord => {
    return {
      topic: products.name,
      key: `product-${i + 1}`,
      value: { price: random.int(1, 9) },
      timestamp: START_MS,
    };
  });
  let now = START_MS + OUT_OF_ORDER_MS;
  const events = Array.from({ length: random.int(60, 200) }, (_, i): InputRecord => {
    now += random.int(1, 30);
    const timestamp = now - random.int(0, OUT_OF_ORDER_MS);
    const user = `user-${random.int(1, users)}`;
    const { name: topic } = random.pick([orders, logins, probes]);
    if (topic !== orders.name) return { topic, key: user, value: { user }, timestamp };
    const product = `product-${random.int(1, known + 1)}`;
    return { topic, key: `order-${i}`, value: { product, amount: random.int(1, 5) }, timestamp };
  });
  return [...stock, ...events];
}

/** Orders of one partition under one key, without a repartition topic between the join and the window. */
const together = defineProcessor({
  inputs: { costs: port<string, number | null>() },
  outputs: { costs: port<string, number>() },
  stores: {},
  process: {
    costs: ({ key, value, timestamp }, { emit }) => {
      if (value !== null) emit('costs', shelfOf(key), value, timestamp);
    },
  },
});

const shelfOf = (order: string) => `shelf-${partitionFor(Buffer.from(order), PARTITIONS)}`;

function model(input: Input): Record<string, OutputRecord[]> {
  const of = (name: string) => recordsOf(input).filter(({ topic }) => topic === name);
  const prices = new Map(of(products.name).map(({ key, value }) => [key, (value as Product).price]));
  const costs = of(orders.name).flatMap(({ key, value, timestamp }) => {
    const { product, amount } = value as Order;
    const price = prices.get(product);
    return price === undefined ? [] : [{ key: shelfOf(key ?? ''), value: price * amount, timestamp }];
  });
  /** By user, the time since which each count has stood: a login that comes late does not change the past. */
  const since = new Map<string, number[]>();
  for (const { key, timestamp } of of(logins.name)) {
    const times = since.get(key ?? '') ?? [];
    since.set(key ?? '', [...times, Math.max(times.at(-1) ?? 0, timestamp)]);
  }
  const counted = of(probes.name).map(({ key, timestamp }) => {
    const value = (since.get(key ?? '') ?? []).filter((each) => each <= timestamp).length;
    return { key: key ?? '', value, timestamp };
  });
  return { [turnover.name]: sumsOf(costs, SUM_MS), [counts.name]: counted };
}

/** A foreign-key join in front of a window, and the history of an aggregate, read as of a time. */
export const chainedTablesTopology: TopologyUnderTest = {
  name: 'chained-tables',
  inputs: [products, orders, logins, probes],
  outputs: [
    { topic: turnover, comparison: 'sequence-per-key' },
    { topic: counts, comparison: 'multiset' },
  ],
  declare: (builder) => {
    const watermark = { outOfOrderMs: OUT_OF_ORDER_MS };
    const costs = builder
      .source(orders, { watermark })
      .toTable(orders.value)
      .joinForeignKey(
        'costing',
        builder.table(products),
        ({ product }) => product,
        ({ amount }, { price }) => price * amount,
        { value: sizedJson<number>(1) },
      );
    const shelved = builder.process('together', together, { costs: costs.toStream() }).costs;
    summed('turnover-sums', shelved, SUM_MS).to(turnover);
    const history = builder
      .source(logins, { watermark })
      .count('login-count', { value: sizedJson<number>(1) })
      .versioned({ historyMs: HISTORY_MS });
    builder
      .source(probes, { watermark })
      .join('probing', history, (_, n) => n ?? 0, { graceMs: GRACE_MS, value: probes.value })
      .to(counts);
  },
  generate,
  finalWatermarkMs: END_MS,
  model,
};
