import type { Random } from '../random.ts';
import { type Examples, historyOf } from './data.ts';

/** Examples of a block. More would share more of their histories, and be less mixed. */
const MOST_ROWS = 16;

/**
 * The examples of an epoch in blocks. The histories of a user's consecutive examples are nearly the same, so a block
 * looks up the items of them all once, as its columns, and each row says at which place it has which column. That moves
 * a twentieth of the memory that a lookup for each row would. Rows of a block may be of several users.
 */
export type Blocks = {
  /** Most rows and most columns of a block. */
  readonly rows: number;
  readonly columns: number;
  /** All examples; block b has those from `starts[b]` up to `starts[b + 1]`. */
  readonly examples: Int32Array;
  readonly starts: Int32Array;
};

/**
 * A user's examples are cut into runs. A full run is a block; shorter ones share blocks, as many of them as find room for
 * their histories.
 */
export function packBlocks(
  examples: Examples,
  { items, batchSize, historyLength }: { items: number; batchSize: number; historyLength: number },
  random: Random,
): Blocks {
  const rows = Math.min(MOST_ROWS, batchSize, examples.user.length);
  const columns = historyLength + rows;
  const order = inRuns(examples, rows, random);
  const starts: number[] = [];
  const block = new BlockColumns(items, rows, columns);
  let size = rows;
  order.forEach((example, at) => {
    const history = historyOf(examples, example, historyLength);
    if (size < rows && block.add(size, history)) {
      size++;
      return;
    }
    starts.push(at);
    block.clear();
    block.add(0, history);
    size = 1;
  });
  starts.push(order.length);
  return { rows, columns, examples: order, starts: Int32Array.from(starts) };
}

/** Positions of the examples in runs of one user's, in the order of time: those of `length` first, then the shorter ones, mixed. */
function inRuns({ user }: Examples, length: number, random: Random): Int32Array {
  const byUser = sortedBy(user);
  const starts: number[] = [];
  byUser.forEach((example, at) => {
    const isSameUser = at > 0 && user[example] === user[byUser[at - 1] as number];
    if (!isSameUser || at - (starts.at(-1) as number) === length) starts.push(at);
  });
  const endOf = (run: number) => starts[run + 1] ?? byUser.length;
  const isFull = (run: number) => endOf(run) - (starts[run] as number) === length;
  const runs = starts.map((_, run) => run);
  const short = Int32Array.from(runs.filter((run) => !isFull(run)));
  random.shuffle(short);
  const order = new Int32Array(byUser.length);
  let size = 0;
  for (const run of [...runs.filter(isFull), ...short]) {
    const part = byUser.subarray(starts[run], endOf(run));
    order.set(part, size);
    size += part.length;
  }
  return order;
}

/** Positions by value, equal ones in their order: a counting sort, since examples are in the order of their time. */
function sortedBy(values: Int32Array): Int32Array {
  const next = new Int32Array(values.reduce((most, value) => Math.max(most, value), 0) + 2);
  for (const value of values) next[value + 1] = (next[value + 1] as number) + 1;
  for (let value = 1; value < next.length; value++)
    next[value] = (next[value] as number) + (next[value - 1] as number);
  const sorted = new Int32Array(values.length);
  values.forEach((value, at) => {
    const place = next[value] as number;
    sorted[place] = at;
    next[value] = place + 1;
  });
  return sorted;
}

/** The columns of one block: which items its rows' histories have, and at which place each row has each. */
export class BlockColumns {
  /** The item of each column: [columns]. */
  readonly ids: Int32Array;
  /** The place, from 0 for the newest, at which a row has a column; -1 where it has not: [rows, columns]. */
  readonly places: Int32Array;
  readonly #columns: number;
  /** The newest column of an item, -1 where it has none: [items]. */
  readonly #columnOf: Int32Array;
  /** The next column of the same item. A row that has an item twice needs two. */
  readonly #sibling: Int32Array;
  #size = 0;

  constructor(items: number, rows: number, columns: number) {
    this.#columns = columns;
    this.ids = new Int32Array(columns);
    this.places = new Int32Array(rows * columns).fill(-1);
    this.#columnOf = new Int32Array(items).fill(-1);
    this.#sibling = new Int32Array(columns);
  }

  get size(): number {
    return this.#size;
  }

  /** False when there is no room for all of the history; what was added until then stays. */
  add(row: number, history: Int32Array): boolean {
    for (let place = 0; place < history.length; place++) {
      const column = this.#free(row, history[place] as number);
      if (column < 0) return false;
      this.places[row * this.#columns + column] = place;
    }
    return true;
  }

  clear(): void {
    for (let column = 0; column < this.#size; column++) this.#columnOf[this.ids[column] as number] = -1;
    this.places.fill(-1);
    this.#size = 0;
  }

  /** A column of the item that the row does not have yet; -1 where there is no room for one. */
  #free(row: number, item: number): number {
    const start = row * this.#columns;
    const newest = this.#columnOf[item] as number;
    let column = newest;
    while (column >= 0 && (this.places[start + column] as number) >= 0) {
      column = this.#sibling[column] as number;
    }
    if (column >= 0 || this.#size === this.#columns) return column;
    this.ids[this.#size] = item;
    this.#sibling[this.#size] = newest;
    this.#columnOf[item] = this.#size;
    return this.#size++;
  }
}
