import { COLUMNS_PER_BLOCK } from './binning.ts';

/** Arrays that the threads of a training share: one piece of memory. */
export type TrainingMemory = {
  readonly buffer: SharedArrayBuffer;
  /** Bins: [blocks, rows]. */
  readonly packed: Uint32Array;
  /** Rows of the tree, those of a node side by side: [rows]. */
  readonly order: Int32Array;
  /** First and second derivative of the loss by the score, of each row: [rows, 2]. */
  readonly gradients: Float64Array;
  /** Those of the rows at the same places of `order`, where a histogram is to be built: [rows, 2]. */
  readonly ordered: Float64Array;
  /** Sums of `gradients` by bin: [histograms, slots, 2]. */
  readonly sums: Float64Array;
  /** Rows by bin: [histograms, slots]. */
  readonly counts: Int32Array;
};

export type MemoryShape = {
  readonly rows: number;
  readonly columns: number;
  readonly slots: number;
  readonly histograms: number;
};

const ALIGNMENT = 16;

/** The arrays in `buffer`; in new memory where it is absent. */
export function layOut(shape: MemoryShape, buffer?: SharedArrayBuffer): TrainingMemory {
  const { rows, columns, slots, histograms } = shape;
  let size = 0;
  const place = (length: number, bytes: number) => {
    const offset = size;
    size += Math.ceil((length * bytes) / ALIGNMENT) * ALIGNMENT;
    return [offset, length] as const;
  };
  const packed = place(Math.ceil(columns / COLUMNS_PER_BLOCK) * rows, 4);
  const order = place(rows, 4);
  const gradients = place(2 * rows, 8);
  const ordered = place(2 * rows, 8);
  const sums = place(2 * slots * histograms, 8);
  const counts = place(slots * histograms, 4);
  const memory = buffer ?? new SharedArrayBuffer(size);
  return {
    buffer: memory,
    packed: new Uint32Array(memory, ...packed),
    order: new Int32Array(memory, ...order),
    gradients: new Float64Array(memory, ...gradients),
    ordered: new Float64Array(memory, ...ordered),
    sums: new Float64Array(memory, ...sums),
    counts: new Int32Array(memory, ...counts),
  };
}
