import { type Column, type FeatureRows, setOf, type TreeEnsemble } from './ensemble.ts';
import {
  createTraversalKernel,
  NODE_BYTES,
  ROWS_AT_ONCE,
  type Sets,
  type TraversalKernel,
} from './traversal.ts';

const PAGE_BYTES = 65_536;
/** Rows that are scored at once: their values and a tree stay in the processor's cache. */
const BLOCK_ROWS = 256;

/** A number of its own in the kernel's rows for each way in which splits read a column. */
type Slot = {
  readonly column: number;
  readonly kind: 'missing left' | 'missing right' | 'category';
};

/**
 * Scores rows by an ensemble, in double precision and in the order of the trees, as `TreeEnsemble` states. It holds the
 * trees in a form of its own (16 bytes a node) and computes on the thread that calls it.
 */
export class TreeScorer {
  readonly #base: number;
  readonly #columns: readonly Column[];
  readonly #slots: readonly Slot[];
  /** What a category is to the kernel, by column; the last one is what no category is. */
  readonly #numbers: ReadonlyMap<number, Int32Array>;
  readonly #setsFrom: number;
  readonly #kernel: TraversalKernel;
  readonly #layout: Layout;

  constructor(ensemble: TreeEnsemble) {
    this.#base = ensemble.base;
    this.#columns = ensemble.columns;
    this.#slots = slotsOf(ensemble);
    this.#numbers = new Map(
      this.#slots
        .filter(({ kind }) => kind === 'category')
        .map(({ column }) => [column, categoryNumbers(ensemble, column)]),
    );
    this.#setsFrom = 4 * (this.#slots.length - this.#numbers.size);
    const most = [...this.#numbers.values()].reduce((count, of) => Math.max(count, countOf(of)), 0);
    const sets = most === 0 ? 'none' : most <= 32 ? 'words' : 'addresses';
    this.#kernel = createTraversalKernel(sets);
    this.#layout = layOut(ensemble, this.#slots, this.#numbers, sets, this.#kernel.memory);
  }

  /** Writes the score of each row into the first `rows` of `into`; the values are [rows, columns], as in `FeatureRows`. */
  score(values: FeatureRows['values'], rows: number, into: Float64Array): void {
    const width = this.#columns.length;
    this.#scoreRows((column) => ({ values, at: column, step: width }), rows, into);
  }

  /** The same of columns by themselves, each of as many values; those of a category are its number, or what is none. */
  scoreColumns(columns: readonly ArrayLike<number>[], rows: number, into: Float64Array): void {
    const of = (column: number) => ({ values: columns[column] as ArrayLike<number>, at: 0, step: 1 });
    this.#scoreRows(of, rows, into);
  }

  #scoreRows(of: (column: number) => Run, rows: number, into: Float64Array): void {
    const { trees, treesEnd, rows: rowsAt, scores, leafBit, valueShift } = this.#layout;
    const { memory, walk } = this.#kernel;
    const sums = new Float64Array(memory.buffer, scores, BLOCK_ROWS);
    for (let from = 0; from < rows; from += BLOCK_ROWS) {
      const count = Math.min(rows - from, BLOCK_ROWS);
      sums.fill(this.#base);
      if (treesEnd > trees) {
        this.#fillRows(of, from, count);
        const stride = 4 * this.#slots.length;
        // The rows behind the last one are those of an earlier block, or zeros.
        const rowsEnd = rowsAt + ROWS_AT_ONCE * Math.ceil(count / ROWS_AT_ONCE) * stride;
        walk(trees, treesEnd, rowsAt, rowsEnd, stride, this.#setsFrom, scores, leafBit, valueShift);
      }
      into.set(sums.subarray(0, count), from);
    }
  }

  #fillRows(of: (column: number) => Run, from: number, count: number): void {
    const stride = this.#slots.length;
    const floats = new Float32Array(this.#kernel.memory.buffer, this.#layout.rows, BLOCK_ROWS * stride);
    const categories = new Int32Array(floats.buffer, floats.byteOffset, floats.length);
    for (let slot = 0; slot < stride; slot++) {
      const { column, kind } = this.#slots[slot] as Slot;
      const { values, at: start, step } = of(column);
      const end = slot + count * stride;
      let at = start + from * step;
      if (kind === 'missing right') {
        for (let to = slot; to < end; to += stride, at += step) floats[to] = values[at] as number;
      } else if (kind === 'missing left') {
        for (let to = slot; to < end; to += stride, at += step) {
          const value = values[at] as number;
          // At most any threshold.
          floats[to] = Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
        }
      } else {
        const numbers = this.#numbers.get(column) as Int32Array;
        const unknown = numbers.length - 1;
        for (let to = slot; to < end; to += stride, at += step) {
          const value = values[at] as number;
          const category = value | 0;
          const isKnown = category === value && category >= 0 && category < unknown;
          categories[to] = numbers[isKnown ? category : unknown] as number;
        }
      }
    }
  }
}

/** Where a column's values lie: from `at` on, `step` apart. */
type Run = { readonly values: ArrayLike<number>; readonly at: number; readonly step: number };

/** The slots of an ensemble, categories last. */
function slotsOf(ensemble: TreeEnsemble): readonly Slot[] {
  const slots = new Map<string, Slot>();
  for (const [node, column] of ensemble.column.entries()) {
    if (column < 0) continue;
    const slot = slotFor(ensemble, node);
    slots.set(keyOf(slot), slot);
  }
  // A leaf reads the first value of a row too: there is one.
  if (slots.size === 0) return [{ column: 0, kind: 'missing right' }];
  const rank = ({ kind, column }: Slot) => (kind === 'category' ? ensemble.columns.length : 0) + column;
  return [...slots.values()].sort((a, b) => rank(a) - rank(b));
}

function slotFor({ columns, column, missingLeft }: TreeEnsemble, node: number): Slot {
  const by = column[node] as number;
  if (columns[by]?.categories !== undefined) return { column: by, kind: 'category' };
  return { column: by, kind: missingLeft[node] === 1 ? 'missing left' : 'missing right' };
}

const keyOf = ({ column, kind }: Slot) => `${column} ${kind}`;

/**
 * A number for each category of a column, and for what is none. Those that are in no set of the ensemble share number 1,
 * so that a set is as small as the sets of its column together; what is none has number 0.
 */
function categoryNumbers(ensemble: TreeEnsemble, column: number): Int32Array {
  const size = ensemble.columns[column]?.categories?.length ?? 0;
  const numbers = new Int32Array(size + 1).fill(1, 0, size);
  let next = 2;
  for (const [node, by] of ensemble.column.entries()) {
    if (by !== column) continue;
    for (const category of setOf(ensemble, node)) if (numbers[category] === 1) numbers[category] = next++;
  }
  return numbers;
}

/** Numbers that categories have. */
const countOf = (numbers: Int32Array): number => 1 + numbers.reduce((a, b) => Math.max(a, b), 0);

/** Addresses in the kernel's memory. */
type Layout = {
  readonly trees: number;
  readonly treesEnd: number;
  readonly rows: number;
  readonly scores: number;
  readonly leafBit: number;
  readonly valueShift: number;
};

/**
 * Writes the trees: splits from address 0, leaves from a power of two, then the values of the leaves, the addresses of the
 * roots, and the sets. A block of rows, and its scores, have their room behind them.
 */
function layOut(
  ensemble: TreeEnsemble,
  slots: readonly Slot[],
  numbers: ReadonlyMap<number, Int32Array>,
  sets: Sets,
  memory: WebAssembly.Memory,
): Layout {
  const { column, roots } = ensemble;
  const leaves = column.reduce((count, by) => count + Number(by < 0), 0);
  // A tree has a leaf more than splits.
  const leafBit = 2 ** Math.ceil(Math.log2(NODE_BYTES * Math.max(1, leaves)));
  const values = leafBit + leaves * NODE_BYTES;
  const trees = values + leaves * 8;
  const treesEnd = trees + roots.length * 4;
  const setBytes = new Map<number, number>();
  for (const [by, of] of numbers)
    setBytes.set(by, Math.ceil((1 + of.reduce((a, b) => Math.max(a, b), 1)) / 8));
  const setsEnd = column.reduce((end, by) => end + (setBytes.get(by) ?? 0), treesEnd);
  const scores = 8 * Math.ceil(setsEnd / 8);
  const rows = scores + BLOCK_ROWS * 8;
  const end = rows + BLOCK_ROWS * slots.length * 4;
  memory.grow(Math.ceil(end / PAGE_BYTES));

  const bytes = new Uint8Array(memory.buffer);
  const integers = new Int32Array(memory.buffer);
  const floats = new Float32Array(memory.buffer);
  const doubles = new Float64Array(memory.buffer);
  const address = new Int32Array(column.length);
  let [split, leaf, set] = [0, leafBit, treesEnd];
  for (const [node, by] of column.entries()) {
    address[node] = by < 0 ? leaf : split;
    if (by < 0) leaf += NODE_BYTES;
    else split += NODE_BYTES;
  }
  const slotNumbers = new Map(slots.map((slot, at) => [keyOf(slot), at]));
  for (const [node, by] of column.entries()) {
    const own = address[node] as number;
    const at = own / 4;
    if (by < 0) {
      integers.set([own, own], at + 2);
      doubles[(values + (own - leafBit) / 2) / 8] = ensemble.value[node] as number;
      continue;
    }
    integers[at + 1] = 4 * (slotNumbers.get(keyOf(slotFor(ensemble, node))) as number);
    integers.set(
      [address[ensemble.right[node] as number], address[ensemble.left[node] as number]] as number[],
      at + 2,
    );
    const of = numbers.get(by);
    if (of === undefined) floats[at] = ensemble.threshold[node] as number;
    else {
      // A word is where the threshold would be; memory is zero at first.
      const bits = sets === 'words' ? own : set;
      const add = (number: number) => {
        bytes[bits + (number >> 3)] = (bytes[bits + (number >> 3)] as number) | (1 << (number & 7));
      };
      for (const category of setOf(ensemble, node)) add(of[category] as number);
      if (ensemble.missingLeft[node] === 1) add(of.at(-1) as number);
      if (sets === 'words') continue;
      integers[at] = set;
      set += setBytes.get(by) as number;
    }
  }
  for (const [tree, root] of roots.entries()) integers[trees / 4 + tree] = address[root] as number;
  return { trees, treesEnd, rows, scores, leafBit, valueShift: values - leafBit / 2 };
}
