import { InputError } from '#platform';
import type { Bags } from '../two-tower/data.ts';

/** Pairs of a user and an item that they took to. */
export type Pairs = { readonly user: Int32Array; readonly item: Int32Array };

/** With what each item weighs beside its negatives, which weigh 1 each, as it does where there are none. */
export type WeightedPairs = Pairs & { readonly weight?: Float32Array };

/** All that training reads. Users are 0 .. users - 1, items 0 .. items - 1. */
export type NeuMfData = {
  readonly users: number;
  readonly items: number;
  /** Pairs that come twice count twice. */
  readonly train: WeightedPairs;
  /**
   * For each training pair, the items that the user was shown beside it and left: its negatives are drawn from them. For a
   * pair without any, and where this is absent, they are drawn from all items that the user has not had.
   */
  readonly left?: Bags;
  /** Not learned from, but judged after each epoch: by the rank of each item among all that the user has not had. */
  readonly validation?: Pairs;
};

/** Refuses data whose parts do not fit together (MR_MODEL_DATA): an id out of range would train the wrong row. */
export function checkData({ users, items, train, left, validation }: NeuMfData): void {
  checkPairs('training', train, users, items);
  const { weight = new Float32Array(train.user.length) } = train;
  check(weight.length === train.user.length, 'weights are not given for each pair');
  const unweighable = weight.find((value) => !(value >= 0 && Number.isFinite(value)));
  check(unweighable === undefined, `a weight is ${unweighable}`);
  if (left !== undefined) {
    check(left.offsets.length === train.user.length + 1, 'items that were left are not given for each pair');
    checkIds('items that were left', left.ids, items);
  }
  if (validation !== undefined) checkPairs('validation', validation, users, items);
}

function checkPairs(name: string, { user, item }: Pairs, users: number, items: number): void {
  check(user.length > 0, `the ${name} has no pairs`);
  check(user.length === item.length, `${name}: users and items differ in number`);
  checkIds(`${name} users`, user, users);
  checkIds(`${name} items`, item, items);
}

function checkIds(name: string, ids: Int32Array, bound: number): void {
  const outside = ids.find((id) => id < 0 || id >= bound);
  check(outside === undefined, `${name}: id ${outside} is not below ${bound}`);
}

function check(condition: boolean, message: string): asserts condition {
  if (condition) return;
  throw new InputError('MR_MODEL_DATA', `training data: ${message}`, {
    hint: 'Ids are dense, from 0; the caller maps its own ids to them.',
  });
}
