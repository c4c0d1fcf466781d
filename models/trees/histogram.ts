import type { MemoryShape, TrainingMemory } from './memory.ts';

/** Slots of a histogram: those of the bins, and one for the columns that the last block lacks. */
export const slotsOf = ({ slots }: MemoryShape): number => slots + 1;

/**
 * Adds up the gradients of the rows at `from` .. `to` - 1 of `order` by the bins of four columns, whose first bins are
 * `slots`. Gradients are rounded so that sums are exact: their order does not show.
 */
export function addRows(
  { packed, order, ordered, sums, counts }: TrainingMemory,
  bins: number,
  [a, b, c, d]: readonly [number, number, number, number],
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    const word = packed[bins + (order[i] as number)] as number;
    const gradient = ordered[2 * i] as number;
    const hessian = ordered[2 * i + 1] as number;
    const slotA = a + (word & 255);
    const slotB = b + ((word >>> 8) & 255);
    const slotC = c + ((word >>> 16) & 255);
    const slotD = d + (word >>> 24);
    sums[2 * slotA] = (sums[2 * slotA] as number) + gradient;
    sums[2 * slotA + 1] = (sums[2 * slotA + 1] as number) + hessian;
    counts[slotA] = (counts[slotA] as number) + 1;
    sums[2 * slotB] = (sums[2 * slotB] as number) + gradient;
    sums[2 * slotB + 1] = (sums[2 * slotB + 1] as number) + hessian;
    counts[slotB] = (counts[slotB] as number) + 1;
    sums[2 * slotC] = (sums[2 * slotC] as number) + gradient;
    sums[2 * slotC + 1] = (sums[2 * slotC + 1] as number) + hessian;
    counts[slotC] = (counts[slotC] as number) + 1;
    sums[2 * slotD] = (sums[2 * slotD] as number) + gradient;
    sums[2 * slotD + 1] = (sums[2 * slotD + 1] as number) + hessian;
    counts[slotD] = (counts[slotD] as number) + 1;
  }
}

/** The histogram at `from` minus that at `taken`, in its place; both are first slots. */
export function subtract({ sums, counts }: TrainingMemory, from: number, taken: number, slots: number): void {
  for (let i = 0; i < slots; i++) {
    counts[from + i] = (counts[from + i] as number) - (counts[taken + i] as number);
  }
  for (let i = 0; i < 2 * slots; i++) {
    sums[2 * from + i] = (sums[2 * from + i] as number) - (sums[2 * taken + i] as number);
  }
}
