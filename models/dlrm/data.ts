import { InputError } from '#platform';
import type { Bags, Vectors } from '../two-tower/data.ts';

/** A sparse feature: each row has ids of categories, from 0; several, one, or none where it is unknown. */
export type SparseFeature = Bags & { readonly cardinality: number };

/** Users as of their requests, context included, or items. */
export type Rows = {
  readonly count: number;
  /** Dense features, NaN where a value is missing. */
  readonly dense: Vectors;
  readonly sparse: readonly SparseFeature[];
};

/** Whom an item was shown to, and what came of it. */
export type Examples = {
  /** Rows of users and of items. */
  readonly user: Int32Array;
  readonly item: Int32Array;
  /** Rows of candidates; absent where the data has none. */
  readonly candidate?: Int32Array;
  readonly weight: Float32Array;
  /** 1 or 0. */
  readonly clicked: Uint8Array;
  /** 1 or 0, read where the example was clicked; absent where nobody converts. */
  readonly converted?: Uint8Array;
  /** Above 0, read where the example was converted. */
  readonly revenue?: Float32Array;
};

export type DlrmData = {
  readonly users: Rows;
  readonly items: Rows;
  /** What is known of an item at the moment when it is shown, and of the user and the item together. */
  readonly candidates?: Rows;
  readonly train: Examples;
  /** Not learned from, but judged after each epoch. */
  readonly validation?: Examples;
};

/** What is predicted of an example. */
export type Head = 'click' | 'conversion' | 'revenue';

export function headsOf({ converted, revenue }: Examples): readonly Head[] {
  const heads: Head[] = ['click'];
  if (converted !== undefined) heads.push('conversion');
  if (revenue !== undefined) heads.push('revenue');
  return heads;
}

/** Whether the example counts for the head: conversions are learned of clicks, revenue of conversions. */
export function countsFor(head: Head, { clicked, converted }: Examples, example: number): boolean {
  if (head === 'click') return true;
  return clicked[example] === 1 && (head === 'conversion' || converted?.[example] === 1);
}

const MOST_CLASSES = 2;

/** Refuses data whose parts do not fit together, and outcomes that nothing can be learned from (MR_MODEL_DATA). */
export function checkData(data: DlrmData): void {
  const { users, items, candidates, train, validation } = data;
  checkRows('users', users);
  checkRows('items', items);
  if (candidates !== undefined) checkRows('candidates', candidates);
  checkExamples('training', train, data);
  if (validation !== undefined) checkExamples('validation', validation, data);
  checkClasses(train);
}

/** Refuses rows that are not of one length, ids out of their range and infinite numbers (MR_MODEL_DATA). */
export function checkRows(name: string, { count, dense, sparse }: Rows): void {
  check(dense.values.length === count * dense.width, `${name}: dense is not [${count}, ${dense.width}]`);
  const infinite = dense.values.findIndex((value) => Math.abs(value) === Number.POSITIVE_INFINITY);
  check(infinite < 0, `${name}: dense value ${infinite % dense.width} is ${dense.values[infinite]}`);
  sparse.forEach(({ cardinality, offsets, ids }, feature) => {
    const rises = offsets.every((offset, i) => i === 0 || offset >= (offsets[i - 1] as number));
    const isWhole = offsets.length === count + 1 && offsets[0] === 0 && offsets[count] === ids.length;
    check(
      rises && isWhole,
      `${name}: the offsets of sparse feature ${feature} are not those of ${count} rows`,
    );
    checkIds(`${name}: sparse feature ${feature}`, ids, cardinality);
  });
}

function checkExamples(name: string, examples: Examples, { users, items, candidates }: DlrmData): void {
  const { user, item, candidate, weight, clicked, converted, revenue } = examples;
  check(user.length > 0, `the ${name} has no examples`);
  check(
    (candidate === undefined) === (candidates === undefined),
    `${name}: candidates are not those of the data`,
  );
  const others = [item, candidate ?? item, weight, clicked, converted ?? clicked, revenue ?? clicked];
  check(
    others.every(({ length }) => length === user.length),
    `${name}: columns differ in length`,
  );
  check(revenue === undefined || converted !== undefined, `${name}: revenue without conversions`);
  checkIds(`${name} users`, user, users.count);
  checkIds(`${name} items`, item, items.count);
  if (candidate !== undefined) checkIds(`${name} candidates`, candidate, candidates?.count ?? 0);
  checkIds(`${name} clicks`, clicked, MOST_CLASSES);
  if (converted !== undefined) checkIds(`${name} conversions`, converted, MOST_CLASSES);
  const unweighable = weight.find((value) => !(value >= 0 && Number.isFinite(value)));
  check(unweighable === undefined, `${name}: a weight is ${unweighable}`);
  const unpaid = revenue?.find(
    (value, example) => countsFor('revenue', examples, example) && !(value > 0 && Number.isFinite(value)),
  );
  check(unpaid === undefined, `${name}: the revenue of a conversion is ${unpaid}`);
}

/** A head whose examples all came out alike has learned nothing when it says so. */
function checkClasses(train: Examples): void {
  const { user, weight, clicked, converted } = train;
  const outcomes = { click: clicked, conversion: converted, revenue: undefined };
  for (const head of headsOf(train)) {
    const labels = outcomes[head];
    const seen = new Set<number>();
    for (let example = 0; example < user.length; example++) {
      if (weight[example] === 0 || !countsFor(head, train, example)) continue;
      seen.add(labels?.[example] ?? 0);
    }
    const wanted = labels === undefined ? 1 : MOST_CLASSES;
    check(
      seen.size >= wanted,
      `of the examples that count for ${head}, ${seen.size === 0 ? 'there are none' : `all are ${[...seen][0]}`}`,
    );
  }
}

function checkIds(name: string, ids: Int32Array | Uint8Array, bound: number): void {
  const outside = ids.find((id) => id < 0 || id >= bound);
  check(outside === undefined, `${name}: ${outside} is not from 0 to ${bound - 1}`);
}

function check(condition: boolean, message: string): asserts condition {
  if (condition) return;
  throw new InputError('MR_MODEL_DATA', `training data: ${message}`, {
    hint: 'Correct what is named; leave out conversions and revenue where there are none to learn from.',
  });
}
