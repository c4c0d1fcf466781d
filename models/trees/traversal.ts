import { bytes } from './traversal.wasm.ts';

/** Rows that the kernel takes at a time: their number is padded to a multiple. */
export const ROWS_AT_ONCE = 8;

/**
 * Bytes of a node: a threshold (float32), or a set, or its address; the offset of its value in a row; the address of the
 * child to go to where the comparison does not hold, and of the one where it does. A leaf's children are itself.
 */
export const NODE_BYTES = 16;

/** All but `leafBit` and `valueShift` are addresses or lengths in bytes; there is one tree and one row at least. */
export type Walk = (
  /** The address of each tree's root. */
  trees: number,
  treesEnd: number,
  /** Values of rows, `stride` bytes each: float32, and from `setsFrom` on numbers of categories (int32). */
  rows: number,
  rowsEnd: number,
  stride: number,
  setsFrom: number,
  /** Float64 for each row, to which the values of its leaves are added in the order of the trees. */
  scores: number,
  /** A power of two, which the address of a node has if it is a leaf. */
  leafBit: number,
  /** The value of the leaf at address a is at a / 2 + valueShift. */
  valueShift: number,
) => void;

export type TraversalKernel = { readonly memory: WebAssembly.Memory; readonly walk: Walk };

/** What categorical splits hold: there are none, or a word with a bit for each category, or the address of such bits. */
export type Sets = 'none' | 'words' | 'addresses';

const WALKS = { none: 'withoutSets', words: 'withWords', addresses: 'withAddresses' } as const;
type Exports = Readonly<Record<(typeof WALKS)[Sets], Walk>> & { readonly memory: WebAssembly.Memory };

let compiled: WebAssembly.Module | undefined;

/** A kernel with a memory of its own, of one page: the less it knows of sets, the faster it is. */
export function createTraversalKernel(sets: Sets): TraversalKernel {
  compiled ??= new WebAssembly.Module(bytes);
  const exports = new WebAssembly.Instance(compiled).exports as Exports;
  return { memory: exports.memory, walk: exports[WALKS[sets]] };
}
