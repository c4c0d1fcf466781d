import { InputError } from '#platform';

/** Pairs of dense ids, in any order. */
export type Pairs = { readonly user: Int32Array; readonly item: Int32Array };

/**
 * Which user had which item: a matrix of zeros and ones, [users, items], in compressed rows. The items of a user are
 * in ascending order and each is there once, however often the pair was met.
 */
export class InteractionMatrix {
  readonly users: number;
  readonly items: number;
  readonly #starts: Int32Array;
  readonly #columns: Int32Array;

  private constructor(users: number, items: number, starts: Int32Array, columns: Int32Array) {
    this.users = users;
    this.items = items;
    this.#starts = starts;
    this.#columns = columns;
  }

  /** Refuses ids below 0 or beyond the matrix, and columns of different length, with MR_MODEL_DATA. */
  static fromPairs({ user, item }: Pairs, users: number, items: number): InteractionMatrix {
    if (user.length !== item.length) throw malformed(`${user.length} users and ${item.length} items`);
    for (let i = 0; i < user.length; i++) {
      const [u, j] = [user[i] as number, item[i] as number];
      if (u < 0 || u >= users || j < 0 || j >= items) {
        throw malformed(`the pair (${u}, ${j}) does not lie in ${users} x ${items}`);
      }
    }
    // Rows by item first: filling rows by user from them puts each user's items in order, duplicates side by side.
    const byItem = compress(item, user, items);
    return new InteractionMatrix(users, items, ...distinct(transpose(byItem, users)));
  }

  /** Pairs that there are. */
  get size(): number {
    return this.#columns.length;
  }

  /** The user's items, ascending: a view that must not be written to. */
  itemsOf(user: number): Int32Array {
    return this.#columns.subarray(this.#starts[user], this.#starts[user + 1]);
  }

  /** Rows are items, columns are users. */
  transposed(): InteractionMatrix {
    const { starts, columns } = transpose({ starts: this.#starts, columns: this.#columns }, this.items);
    return new InteractionMatrix(this.items, this.users, starts, columns);
  }

  /** Users of each item: [items]. */
  itemCounts(): Float64Array {
    const counts = new Float64Array(this.items);
    for (const item of this.#columns) counts[item] = (counts[item] as number) + 1;
    return counts;
  }
}

type Compressed = { readonly starts: Int32Array; readonly columns: Int32Array };

/** A counting sort of the columns by row; within a row in the order of the input. */
function compress(rows: Int32Array, columns: Int32Array, count: number): Compressed {
  const starts = new Int32Array(count + 1);
  for (const row of rows) starts[row + 1] = (starts[row + 1] as number) + 1;
  for (let row = 0; row < count; row++)
    starts[row + 1] = (starts[row + 1] as number) + (starts[row] as number);
  const next = starts.slice(0, count);
  const sorted = new Int32Array(columns.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    const at = next[row] as number;
    sorted[at] = columns[i] as number;
    next[row] = at + 1;
  }
  return { starts, columns: sorted };
}

function transpose({ starts, columns }: Compressed, count: number): Compressed {
  const rows = new Int32Array(columns.length);
  for (let row = 0; row + 1 < starts.length; row++) rows.fill(row, starts[row], starts[row + 1]);
  return compress(columns, rows, count);
}

function distinct({ starts, columns }: Compressed): [starts: Int32Array, columns: Int32Array] {
  const keptStarts = new Int32Array(starts.length);
  const kept = new Int32Array(columns.length);
  let size = 0;
  for (let row = 0; row + 1 < starts.length; row++) {
    const first = size;
    for (let i = starts[row] as number; i < (starts[row + 1] as number); i++) {
      const column = columns[i] as number;
      if (size === first || kept[size - 1] !== column) kept[size++] = column;
    }
    keptStarts[row + 1] = size;
  }
  return [keptStarts, kept.slice(0, size)];
}

function malformed(why: string): InputError {
  return new InputError('MR_MODEL_DATA', `interactions: ${why}`, {
    hint: 'Ids are dense: users from 0 to users - 1, items from 0 to items - 1.',
  });
}
