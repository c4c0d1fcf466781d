import { InputError } from '#platform';

/** Values of categorical features, one at least: value f of row r is `values[r * F + f]`, from 0 to `cardinalities[f] - 1`. */
export type Categoricals = { readonly cardinalities: readonly number[]; readonly values: Int32Array };

/** Sets of ids in compressed rows: those of row r are `ids[offsets[r]] .. ids[offsets[r + 1] - 1]`. */
export type Bags = { readonly offsets: Int32Array; readonly ids: Int32Array };

/** Fixed vectors: that of row r is `values[r * width]` up to the next one's. */
export type Vectors = { readonly width: number; readonly values: Float32Array };

/**
 * Positive examples in the order of their time, each with what was known strictly before it. Ids are dense; a user
 * of 0 is unknown. Histories hold items, newest first: that of row r is `history[historyOffsets[r]]` up to the next
 * offset, or up to `historyEnds[r]` where these are given; so rows may share their histories (`sequenceExamples`).
 */
export type Examples = {
  readonly user: Int32Array;
  readonly item: Int32Array;
  readonly weight: Float32Array;
  readonly historyOffsets: Int32Array;
  readonly historyEnds?: Int32Array;
  readonly history: Int32Array;
  /** The moment: hour, device... 0 is unknown. */
  readonly context?: Categoricals;
};

/** All that training reads. Users are 0 .. users - 1 (0 = unknown), items 0 .. items - 1. */
export type TwoTowerData = {
  readonly users: number;
  readonly items: number;
  /** For each user: age bucket, gender, occupation, country... */
  readonly profile: Categoricals;
  /** For each item: category, type, language... */
  readonly itemFeatures: Categoricals;
  readonly itemTags: Bags & { readonly cardinality: number };
  /** For each item, the n-grams of its title by their hash. */
  readonly itemTitles?: Bags & { readonly cardinality: number };
  /** For each item, the text encoder's vector of its title. */
  readonly itemTexts?: Vectors;
  readonly train: Examples;
  /** Judged after each epoch, never learned from; a context that `train` does not have is not looked at. */
  readonly validation?: Examples;
};

/** The history of a row, newest first, of at most `length` items: a view. */
export function historyOf(examples: Examples, row: number, length: number): Int32Array {
  const { history, historyOffsets, historyEnds } = examples;
  const start = historyOffsets[row] as number;
  const end = (historyEnds === undefined ? historyOffsets[row + 1] : historyEnds[row]) as number;
  return history.subarray(start, Math.min(end, start + length));
}

/** Refuses data whose parts do not fit together (MR_MODEL_DATA): an id out of range would train the wrong row. */
export function checkData(data: TwoTowerData): void {
  const { users, items, profile, itemFeatures, itemTags, itemTitles, itemTexts, train, validation } = data;
  check(users >= 1 && items >= 1, 'there must be an item, and a user besides the unknown one');
  check(train.user.length > 0, 'there are no examples');
  checkCategoricals('profile', profile, users);
  checkCategoricals('itemFeatures', itemFeatures, items);
  checkBags('itemTags', itemTags, items, itemTags.cardinality);
  if (itemTitles !== undefined) checkBags('itemTitles', itemTitles, items, itemTitles.cardinality);
  if (itemTexts !== undefined) checkVectors('itemTexts', itemTexts, items);
  checkExamples('train', train, data);
  if (validation === undefined) return;
  checkExamples('validation', validation, data);
  const [sizes, ofValidation] = [train, validation].map(({ context }) => context?.cardinalities.join());
  check(
    sizes === undefined || ofValidation === undefined || sizes === ofValidation,
    'validation has another context than train',
  );
}

function checkExamples(name: string, examples: Examples, { users, items }: TwoTowerData): void {
  const { user, item, weight, history, historyOffsets, historyEnds, context } = examples;
  const count = user.length;
  check(item.length === count && weight.length === count, `${name}: examples differ in length`);
  for (const each of weight) check(each > 0 && each < Infinity, `${name}: weight ${each} is not above 0`);
  checkIds('user', user, users);
  checkIds('item', item, items);
  if (context !== undefined) checkCategoricals('context', context, count);
  if (historyEnds === undefined) {
    checkBags('history', { offsets: historyOffsets, ids: history }, count, items);
    return;
  }
  checkIds('history', history, items);
  check(historyEnds.length === count && historyOffsets.length >= count, 'histories differ in number');
  for (let row = 0; row < count; row++) {
    const [start, end] = [historyOffsets[row] as number, historyEnds[row] as number];
    check(start >= 0 && start <= end && end <= history.length, `history ${row} is from ${start} to ${end}`);
  }
}

function checkCategoricals(name: string, { cardinalities, values }: Categoricals, rows: number): void {
  const columns = cardinalities.length;
  check(columns > 0, `${name} has no columns; a constant one will do`);
  check(values.length === rows * columns, `${name} has ${values.length} values for ${rows} x ${columns}`);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const bound = cardinalities[i % columns] as number;
    if (value >= 0 && value < bound) continue;
    throw malformed(`${name}: value ${value} of column ${i % columns} is not below ${bound}`);
  }
}

function checkBags(name: string, { offsets, ids }: Bags, rows: number, bound: number): void {
  const ordered = offsets.every((offset, i) => i === 0 || offset >= (offsets[i - 1] as number));
  const ends = offsets.length === rows + 1 && offsets[0] === 0 && offsets[rows] === ids.length;
  check(ordered && ends, `${name}: the offsets must rise from 0 to ${ids.length} in ${rows} steps`);
  checkIds(name, ids, bound);
}

function checkVectors(name: string, { width, values }: Vectors, rows: number): void {
  check(values.length === rows * width, `${name} has ${values.length} values for ${rows} x ${width}`);
  check(values.every(Number.isFinite), `${name}: not all values are finite`);
}

function checkIds(name: string, ids: Int32Array, bound: number): void {
  for (const id of ids) {
    if (id < 0 || id >= bound) throw malformed(`${name}: id ${id} is not below ${bound}`);
  }
}

function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw malformed(message);
}

function malformed(message: string): InputError {
  return new InputError('MR_MODEL_DATA', `training data: ${message}`, {
    hint: 'Ids are dense, from 0; the caller maps its own ids to them.',
  });
}
