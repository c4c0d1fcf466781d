import type { Random } from '../random.ts';
import { sizedJson, sizedTopic } from '../sized-json.ts';
import {
  type Input,
  type InputRecord,
  type OutputRecord,
  recordsOf,
  type TopologyUnderTest,
} from '../topology-under-test.ts';

type Price = { readonly price: number };
type Sale = { readonly amount: number };
type Valued = Sale & { readonly price: number | null };

/** How far behind prices come: no further than what a sale is behind the watermark when it has waited. */
const PRICE_DELAY_MS = 60;
const SALE_DELAY_MS = 120;
const OUT_OF_ORDER_MS = 30;
const GRACE_MS = 30;
const HISTORY_MS = 10_000;
const START_MS = 1_000_000_000_000;
const END_MS = START_MS + 10_000_000;

const prices = sizedTopic<Price>('prices', 2, { price: 1 });
const sales = sizedTopic<Sale>('sales', 2, { amount: 1 });
const valued = sizedTopic<Valued>('valued', 2, { amount: 1, price: null });

function generate(random: Random): InputRecord[] {
  const products = random.int(1, 5);
  let now = START_MS;
  return Array.from({ length: random.int(60, 200) }, () => {
    now += random.int(1, 15);
    const key = `product-${random.int(1, products)}`;
    if (random.chance(0.5)) {
      const timestamp = now - random.int(0, random.chance(0.1) ? SALE_DELAY_MS : OUT_OF_ORDER_MS);
      return { topic: sales.name, key, value: { amount: random.int(1, 9) }, timestamp };
    }
    const value = random.chance(0.2) ? null : { price: random.int(1, 99) };
    return { topic: prices.name, key, value, timestamp: now - random.int(0, PRICE_DELAY_MS) };
  });
}

function model(input: Input): Record<string, OutputRecord[]> {
  const records = recordsOf(input);
  const priceOf = (product: string, at: number): number | null => {
    let counted: InputRecord | undefined;
    for (const record of records) {
      if (record.topic !== prices.name || record.key !== product || record.timestamp > at) continue;
      if (counted === undefined || record.timestamp >= counted.timestamp) counted = record;
    }
    return (counted?.value as Price | null | undefined)?.price ?? null;
  };
  const outputs = records
    .filter(({ topic }) => topic === sales.name)
    .map(({ key, value, timestamp }) => {
      const { amount } = value as Sale;
      return { key: key ?? '', value: { amount, price: priceOf(key ?? '', timestamp) }, timestamp };
    });
  return { [valued.name]: outputs };
}

/** Sales joined with a table's history as of their own time, which they wait for: prices are known late. */
export const pastPricesTopology: TopologyUnderTest = {
  name: 'past-prices',
  inputs: [prices, sales],
  outputs: [{ topic: valued, comparison: 'multiset' }],
  declare: (builder) => {
    const history = builder.table(prices).versioned({ historyMs: HISTORY_MS });
    builder
      .source(sales, { watermark: { outOfOrderMs: OUT_OF_ORDER_MS } })
      .join('valued-sales', history, ({ amount }, row): Valued => ({ amount, price: row?.price ?? null }), {
        graceMs: GRACE_MS,
        value: sizedJson<Sale>({ amount: 1 }),
      })
      .to(valued);
  },
  generate,
  finalWatermarkMs: END_MS,
  model,
};
