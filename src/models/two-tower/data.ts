import { InputError } from '#platform';

/** Values of categorical features, one at least: value f of row r is `values[r * F + f]`, from 0 to `cardinalities[f] - 1`. */
export type Categoricals = { readonly cardinalities: readonly number[]; readonly values: Int32Array };

/** Sets of ids in compressed rows: those of row r are `ids[offsets[r]] .. ids[offsets[r + 1] - 1]`. */
export type Bags = { readonly offsets: Int32Array; readonly ids: Int32Array };

/**
 * Positive examples in the order of their time, each with what was known strictly before it. Ids are dense; a user
 * of 0 is unknown. Histories hold items, newest first.
 */
export type Examples = {
  readonly user: Int32Array;
  readonly item: Int32Array;
  readonly weight: Float32Array;
  readonly historyOffsets: Int32Array;
  readonly history: Int32Array;
};

/** All that training reads. Users are 0 .. users - 1 (0 = unknown), items 0 .. items - 1. */
export type TwoTowerData = {
  readonly users: number;
  readonly items: number;
  /** Of each user: age bucket, gender, occupation, country... */
  readonly profile: Categoricals;
  /** Of each item: category, type, language... */
  readonly itemFeatures: Categoricals;
  readonly itemTags: Bags & { readonly cardinality: number };
  readonly train: Examples;
};

/** Refuses data whose parts do not fit together (MR_MODEL_DATA): an id out of range would train the wrong row. */
export function checkData(data: TwoTowerData): void {
  const { users, items, profile, itemFeatures, itemTags, train } = data;
  const count = train.user.length;
  check(users >= 1 && items >= 1, 'there must be an item, and a user besides the unknown one');
  check(count > 0, 'there are no examples');
  check(train.item.length === count && train.weight.length === count, 'examples differ in length');
  for (const weight of train.weight)
    check(weight > 0 && weight < Infinity, `weight ${weight} is not above 0`);
  checkCategoricals('profile', profile, users);
  checkCategoricals('itemFeatures', itemFeatures, items);
  checkIds('user', train.user, users);
  checkIds('item', train.item, items);
  checkBags('history', { offsets: train.historyOffsets, ids: train.history }, count, items);
  checkBags('itemTags', itemTags, items, itemTags.cardinality);
}

function checkCategoricals(name: string, { cardinalities, values }: Categoricals, rows: number): void {
  const columns = cardinalities.length;
  check(columns > 0, `${name} has no columns; a constant one will do`);
  check(values.length === rows * columns, `${name} has ${values.length} values for ${rows} x ${columns}`);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const bound = cardinalities[i % columns] as number;
    check(
      value >= 0 && value < bound,
      `${name}: value ${value} of column ${i % columns} is not below ${bound}`,
    );
  }
}

function checkBags(name: string, { offsets, ids }: Bags, rows: number, bound: number): void {
  const ordered = offsets.every((offset, i) => i === 0 || offset >= (offsets[i - 1] as number));
  const ends = offsets.length === rows + 1 && offsets[0] === 0 && offsets[rows] === ids.length;
  check(ordered && ends, `${name}: the offsets must rise from 0 to ${ids.length} in ${rows} steps`);
  checkIds(name, ids, bound);
}

function checkIds(name: string, ids: Int32Array, bound: number): void {
  for (const id of ids) check(id >= 0 && id < bound, `${name}: id ${id} is not below ${bound}`);
}

function check(condition: boolean, message: string): asserts condition {
  if (condition) return;
  throw new InputError('MR_MODEL_DATA', `training data: ${message}`, {
    hint: 'Ids are dense, from 0; the caller maps its own ids to them.',
  });
}
