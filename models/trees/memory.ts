import { MAX_PAGES } from '../index/kernel/port.ts';
import { COLUMNS_PER_BLOCK } from './binning.ts';
import { unusableRows } from './training-rows.ts';

/** Arrays that the threads of a training share: one piece of memory, which kernels address by bytes. */
export type TrainingMemory = {
  readonly memory: WebAssembly.SharedMemory;
  /** Bins: [blocks, rows]. */
  readonly packed: Uint32Array;
  /** Rows of the tree, those of a node side by side: [rows]. */
  readonly order: Int32Array;
  /** First and second derivative of the loss by the score, of each row: [rows, 2]. */
  readonly gradients: Float64Array;
  /** Those of the rows at the same indices of `order`, where a histogram is to be built: [rows, 2]. */
  readonly ordered: Float64Array;
  /** Sums of `gradients` by bin: [histograms, slots, 2]. */
  readonly sums: Float64Array;
  /** Rows by bin: [histograms, slots]. */
  readonly counts: Int32Array;
};

export type MemoryShape = {
  readonly rows: number;
  readonly columns: number;
  /** Bins in a histogram: those of all columns, and one for the columns that the last block lacks. */
  readonly slots: number;
  readonly histograms: number;
};

const PAGE_BYTES = 65_536;
const ALIGNMENT = 16;

/** The arrays in `memory`; in new memory, all zero, where it is absent. MR_MODEL_DATA where they need more than 4 GiB. */
export function layOut(shape: MemoryShape, memory?: WebAssembly.SharedMemory): TrainingMemory {
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
  const shared = memory ?? allocate(size);
  const { buffer } = shared;
  return {
    memory: shared,
    packed: new Uint32Array(buffer, ...packed),
    order: new Int32Array(buffer, ...order),
    gradients: new Float64Array(buffer, ...gradients),
    ordered: new Float64Array(buffer, ...ordered),
    sums: new Float64Array(buffer, ...sums),
    counts: new Int32Array(buffer, ...counts),
  };
}

function allocate(bytes: number): WebAssembly.SharedMemory {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  if (pages <= MAX_PAGES) return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  throw unusableRows(
    `bins and histograms need ${bytes} bytes, and at most ${MAX_PAGES * PAGE_BYTES} can be addressed`,
    'Train on fewer rows or columns, or with fewer leaves or bins.',
  );
}
