/** The inner loop of histograms: two doubles in one SIMD addition, which halves what JavaScript needs for it. */
import { bytes } from './histograms.wasm.ts';

/**
 * Adds a pair of doubles of each row, [rows, 2] from `gradients`, to four histograms, by the four bins in the row's word
 * of `bins`, and counts the rows. Rows are the numbers from `row` to below `end`. `sums` and `counts` are where the
 * histogram of each of the four columns starts. All are addresses in bytes.
 */
export type AddRows = (
  row: number,
  end: number,
  bins: number,
  gradients: number,
  ...histograms: readonly [
    ...sums: readonly [number, number, number, number],
    ...counts: readonly [number, number, number, number],
  ]
) => void;

/** There must be a row at least. */
export function addRowsKernel(shared: WebAssembly.SharedMemory): AddRows {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { memory: { shared } });
  return (exports as { readonly addRows: AddRows }).addRows;
}
