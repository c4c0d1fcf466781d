import { type Point, type Sum, summed, sumsOf } from '../chained.ts';
import type { Random } from '../random.ts';
import { sizedJson, sizedTopic } from '../sized-json.ts';
import {
  type Input,
  type InputRecord,
  type OutputRecord,
  recordsOf,
  type TopologyUnderTest,
} from '../topology-under-test.ts';

type Click = { readonly n: number };
type Path = { readonly view: number; readonly cart: number | null; readonly sale: number | null };
type Step = Pick<Path, 'view' | 'cart'>;

const REACH = { beforeMs: 20, afterMs: 40, graceMs: 0 };
const SUM_MS = 30;
const PRICE_DELAY_MS = 60;
const OUT_OF_ORDER_MS = 30;
const GRACE_MS = 30;
const HISTORY_MS = 10_000;
const START_MS = 1_000_000_000_000;
const END_MS = START_MS + 10_000_000;

const clicks = (name: string) => sizedTopic<Click>(name, 2, { n: 1 });
const [views, carts, sales, prices] = [clicks('views'), clicks('carts'), clicks('sales'), clicks('prices')];
const paths = sizedTopic<Path>('paths', 2, { view: 1, cart: null, sale: null });
const stepCounts = sizedTopic<Sum>('step-counts', 2, { start: START_MS, sum: 1 });
const bills = sizedTopic<Sum>('bills', 2, { start: START_MS, sum: 1 });

/** Views, carts and sales are out of order among themselves; prices come later still, which sales wait for. */
function generate(random: Random): InputRecord[] {
  const users = random.int(1, 6);
  const longestMs = random.pick([5, 15, 60]);
  let now = START_MS;
  return Array.from({ length: random.int(60, 200) }, (_, i) => {
    now += random.int(1, longestMs);
    const { name: topic } = random.pick([views, views, carts, sales, prices]);
    const lateMs = topic === prices.name ? PRICE_DELAY_MS : OUT_OF_ORDER_MS;
    const n = topic === prices.name ? random.int(1, 9) : i;
    return {
      topic,
      key: `user-${random.int(1, users)}`,
      value: { n },
      timestamp: now - random.int(0, lateMs),
    };
  });
}

type Timed<V> = { readonly key: string; readonly value: V; readonly timestamp: number };

/** Each left record with the right ones that it reaches, or alone. */
function leftJoined<L, R>(
  left: readonly Timed<L>[],
  right: readonly Timed<Click>[],
  pair: (l: L, n: number | null) => R,
) {
  return left.flatMap(({ key, value, timestamp }): Timed<R>[] => {
    const met = right.filter((each) => {
      const after = each.timestamp - timestamp;
      return each.key === key && after >= -REACH.beforeMs && after <= REACH.afterMs;
    });
    if (met.length === 0) return [{ key, value: pair(value, null), timestamp }];
    return met.map((each) => {
      return { key, value: pair(value, each.value.n), timestamp: Math.max(timestamp, each.timestamp) };
    });
  });
}

function model(input: Input): Record<string, OutputRecord[]> {
  const of = (name: string) =>
    recordsOf(input).filter(({ topic }) => topic === name) as unknown as Timed<Click>[];
  const steps = leftJoined(of(views.name), of(carts.name), ({ n }, cart): Step => ({ view: n, cart }));
  const priceOf = ({ key, timestamp }: Timed<Click>) => {
    const known = of(prices.name).filter((price) => price.key === key && price.timestamp <= timestamp);
    // The last one to come, where several have one time.
    return known.reduce((last, price) => (price.timestamp >= last.timestamp ? price : last), {
      value: { n: 0 },
      timestamp: 0,
    }).value.n;
  };
  const priced = of(sales.name).map((sale): Point => ({ ...sale, value: priceOf(sale) }));
  return {
    [paths.name]: leftJoined(steps, of(sales.name), (step, sale): Path => ({ ...step, sale })),
    [stepCounts.name]: sumsOf(
      steps.map((step): Point => ({ ...step, value: 1 })),
      SUM_MS,
    ),
    [bills.name]: sumsOf(
      priced.filter(({ value }) => value > 0),
      SUM_MS,
    ),
  };
}

/** What has met nothing goes on to the next join, and what has waited for its table to the next window, on time. */
export const chainedJoinsTopology: TopologyUnderTest = {
  name: 'chained-joins',
  inputs: [views, carts, sales, prices],
  outputs: [
    { topic: paths, comparison: 'multiset' },
    { topic: stepCounts, comparison: 'sequence-per-key' },
    { topic: bills, comparison: 'sequence-per-key' },
  ],
  declare: (builder) => {
    const watermark = { outOfOrderMs: OUT_OF_ORDER_MS };
    const [viewed, carted, sold] = [
      builder.source(views, { watermark }),
      builder.source(carts, { watermark }),
      builder.source(sales, { watermark }),
    ];
    const value = sizedJson<Click>({ n: 1 });
    const steps = viewed.leftJoinStream('stepping', carted, {
      ...REACH,
      value,
      other: value,
      join: ({ n }, cart): Step => ({ view: n, cart: cart?.n ?? null }),
    });
    // Through a topic, which carries the watermark that what waits holds.
    const counted = steps
      .map(() => 1)
      .keyBy('steps-again', (_, key) => key, { value: sizedJson<number>(1), partitions: 2 });
    summed('step-sums', counted, SUM_MS).to(stepCounts);
    steps
      .leftJoinStream('pathing', sold, {
        ...REACH,
        value: sizedJson<Step>({ view: 1, cart: null }),
        other: value,
        join: (step, sale): Path => ({ ...step, sale: sale?.n ?? null }),
      })
      .to(paths);
    const history = builder.table(prices).versioned({ historyMs: HISTORY_MS });
    const billed = sold.join('billing', history, (_, row) => row?.n ?? 0, { graceMs: GRACE_MS, value });
    summed(
      'bill-sums',
      billed.filter((n) => n > 0),
      SUM_MS,
    ).to(bills);
  },
  generate,
  finalWatermarkMs: END_MS,
  model,
};
