import { COLUMNS_PER_BLOCK } from './binning.ts';
import type { TrainingMemory } from './memory.ts';

/**
 * Moves the rows at `from` .. `to` - 1 of `order` that go left before the others, each side in its order; returns where
 * the right side begins. `scratch` has room for all rows.
 */
export function partition(
  { packed, order }: TrainingMemory,
  { rows, column, left }: { readonly rows: number; readonly column: number; readonly left: Uint8Array },
  from: number,
  to: number,
  scratch: Int32Array,
): number {
  const block = Math.floor(column / COLUMNS_PER_BLOCK) * rows;
  const shift = 8 * (column % COLUMNS_PER_BLOCK);
  let [end, others] = [from, 0];
  for (let i = from; i < to; i++) {
    const row = order[i] as number;
    const bin = ((packed[block + row] as number) >>> shift) & 255;
    const isLeft = left[bin] as number;
    // Both are written, and one of them is overwritten by the next row: no branch to mispredict.
    order[end] = row;
    scratch[others] = row;
    end += isLeft;
    others += 1 - isLeft;
  }
  order.set(scratch.subarray(0, others), end);
  return end;
}

/** Puts the gradients of the rows at `from` .. `to` - 1 of `order` side by side. */
export function gather({ order, gradients, ordered }: TrainingMemory, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const row = order[i] as number;
    ordered[2 * i] = gradients[2 * row] as number;
    ordered[2 * i + 1] = gradients[2 * row + 1] as number;
  }
}
