import { InputError } from '#platform';

/** Sequences of item ids in compressed rows, oldest first: those of row r are `ids[offsets[r]] .. ids[offsets[r + 1] - 1]`. */
export type Sequences = { readonly offsets: Int32Array; readonly ids: Int32Array };

/** All that training reads. Items are 0 .. items - 1. */
export type SequentialData = {
  readonly items: number;
  /** What each user had, in the order of time. */
  readonly histories: Sequences;
  /**
   * What `users` (rows of the histories) had next, one item each: not learned from, but judged after each epoch. By the
   * rank of that item among all that the user has not had.
   */
  readonly validation?: { readonly users: Int32Array; readonly items: Int32Array };
};

export function sequenceOf({ offsets, ids }: Sequences, row: number): Int32Array {
  return ids.subarray(offsets[row], offsets[row + 1]);
}

/** Refuses data whose parts do not fit together (MR_MODEL_DATA): an id out of range would train the wrong row. */
export function checkData({ items, histories: { offsets, ids }, validation }: SequentialData): void {
  const rows = offsets.length - 1;
  const rises = offsets.every((offset, i) => i === 0 || offset >= (offsets[i - 1] as number));
  check(
    rises && offsets[0] === 0 && offsets[rows] === ids.length,
    `the offsets of histories must rise from 0 to ${ids.length}`,
  );
  checkIds('histories', ids, items);
  check(
    offsets.some((offset, i) => i > 0 && offset - (offsets[i - 1] as number) > 1),
    'no history has two items',
  );
  if (validation === undefined) return;
  check(validation.users.length > 0, 'the validation has no users; leave it out where there are none');
  check(validation.users.length === validation.items.length, 'validation users and items differ in number');
  checkIds('validation users', validation.users, rows);
  checkIds('validation items', validation.items, items);
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
