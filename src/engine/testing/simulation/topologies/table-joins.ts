import type { Random } from '../random.ts';
import { sizedJson, sizedTopic } from '../sized-json.ts';
import {
  type Input,
  type InputRecord,
  type OutputRecord,
  recordsOf,
  type TopologyUnderTest,
} from '../topology-under-test.ts';

/** It names a product, one that there never is, or none. */
type Order = { readonly product: string | null; readonly amount: number };
type Product = { readonly price: number };
type Cost = { readonly cost: number | null };
type Note = { readonly text: number };
type Noted = { readonly amount: number | null; readonly text: number | null };

const START_MS = 1_000_000_000_000;
const END_MS = START_MS + 10_000_000;

const orders = sizedTopic<Order>('orders', 2, { product: 'product-1', amount: 1 });
const products = sizedTopic<Product>('products', 3, { price: 1 });
const notes = sizedTopic<Note>('notes', 2, { text: 1 });
const costs = sizedTopic<Cost>('costs', 2, { cost: null });
const bills = sizedTopic<number>('bills', 2, 1);
const noted = sizedTopic<Noted>('noted', 2, { amount: 1, text: null });
const counts = sizedTopic<number>('product-counts', 2, 1);

function generate(random: Random): InputRecord[] {
  const [orderIds, productIds] = [random.int(2, 10), random.int(1, 5)];
  let timestamp = START_MS;
  return Array.from({ length: random.int(60, 200) }, () => {
    timestamp += random.int(1, 20);
    const order = `order-${random.int(1, orderIds)}`;
    const product = `product-${random.int(1, productIds)}`;
    const isGone = random.chance(0.25);
    switch (random.int(1, 3)) {
      case 1: {
        const named = random.chance(0.1) ? null : random.chance(0.15) ? 'no-such-product' : product;
        const value = isGone ? null : { product: named, amount: random.int(1, 9) };
        return { topic: orders.name, key: order, value, timestamp };
      }
      case 2: {
        const value = isGone ? null : { price: random.int(1, 9) };
        return { topic: products.name, key: product, value, timestamp };
      }
      default: {
        const value = isGone ? null : { text: random.int(1, 9) };
        return { topic: notes.name, key: order, value, timestamp };
      }
    }
  });
}

/** What the tables come to in the end, whatever changes went out on the way. */
function model(input: Input): Record<string, OutputRecord[]> {
  const tables = new Map<string, Map<string, unknown>>(
    [orders, products, notes].map(({ name }) => [name, new Map()]),
  );
  for (const { topic, key, value } of recordsOf(input)) {
    if (value === null) tables.get(topic)?.delete(key ?? '');
    else tables.get(topic)?.set(key ?? '', value);
  }
  const [order, product, note] = [orders, products, notes].map(({ name }) => tables.get(name)) as [
    Map<string, Order>,
    Map<string, Product>,
    Map<string, Note>,
  ];
  const rows = (entries: Iterable<readonly [string, unknown]>) =>
    Array.from(entries, ([key, value]) => ({ key, value, timestamp: 0 }));
  const costOf = (row: Order): Cost => {
    const price = product.get(row.product ?? '')?.price;
    return { cost: price === undefined ? null : price * row.amount };
  };
  const both = new Set([...order.keys(), ...note.keys()]);
  return {
    [costs.name]: rows(Array.from(order, ([key, row]) => [key, costOf(row)] as const)),
    [bills.name]: rows(
      [...order].flatMap(([key, row]) => {
        const { cost } = costOf(row);
        return cost === null ? [] : [[key, cost] as const];
      }),
    ),
    [noted.name]: rows(
      Array.from(both, (key) => {
        return [key, { amount: order.get(key)?.amount ?? null, text: note.get(key)?.text ?? null }] as const;
      }),
    ),
  };
}

/** Joins of tables: by key, and by a foreign key, inner and left, across two repartitions; rows counted by group. */
export const tableJoinsTopology: TopologyUnderTest = {
  name: 'table-joins',
  inputs: [orders, products, notes],
  outputs: [
    { topic: costs, comparison: 'last-value-per-key' },
    { topic: bills, comparison: 'last-value-per-key' },
    { topic: noted, comparison: 'last-value-per-key' },
    { topic: counts, comparison: 'last-value-per-key' },
  ],
  // A pair's time is never older than that of the pair before, and which came before is the log's business.
  looseStores: ['cost/sent'],
  declare: (builder) => {
    const orderRows = builder.table(orders);
    const productRows = builder.table(products);
    orderRows
      .leftJoinForeignKey(
        'cost',
        productRows,
        ({ product }) => product,
        ({ amount }, product): Cost => ({ cost: product === null ? null : product.price * amount }),
        { value: sizedJson<Cost>({ cost: null }) },
      )
      .to(costs);
    orderRows
      .joinForeignKey(
        'bill',
        productRows,
        ({ product }) => product,
        ({ amount }, { price }) => price * amount,
        { value: sizedJson<number>(1) },
      )
      .to(bills);
    orderRows
      .outerJoin(
        'noted-join',
        builder.table(notes),
        (order, note): Noted => ({ amount: order?.amount ?? null, text: note?.text ?? null }),
        { value: sizedJson<Noted>({ amount: 1, text: null }) },
      )
      .to(noted);
    orderRows
      .groupBy('by-product', ({ product }) => product)
      .count('product-count', { value: sizedJson<number>(1), emit: 'per-commit' })
      .to(counts);
  },
  generate,
  finalWatermarkMs: END_MS,
  model,
};
