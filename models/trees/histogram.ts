import { addRowsKernel } from './histogram-kernel.ts';
import { layOut, type MemoryShape, type TrainingMemory } from './memory.ts';

type Four = readonly [number, number, number, number];

/** Builds histograms in the memory of a training. Slots are counted from the first of the first histogram. */
export class Histograms {
  readonly #shape: MemoryShape;
  readonly #memory: TrainingMemory;
  readonly #addRows: ReturnType<typeof addRowsKernel>;

  constructor(shape: MemoryShape, memory: WebAssembly.SharedMemory) {
    this.#shape = shape;
    this.#memory = layOut(shape, memory);
    this.#addRows = addRowsKernel(memory);
  }

  clear(slot: number, slots: number): void {
    this.#memory.counts.fill(0, slot, slot + slots);
    this.#memory.sums.fill(0, 2 * slot, 2 * (slot + slots));
  }

  /**
   * Adds up the gradients of the rows at `from` .. `to` - 1 of `order`, one at least, by the bins of a block's columns,
   * whose first slots are `slots`. Gradients are rounded so that sums are exact: their order does not show.
   */
  addRows(block: number, slots: Four, from: number, to: number): void {
    const { packed, order, ordered, sums, counts } = this.#memory;
    const [a, b, c, d] = slots;
    this.#addRows(
      order.byteOffset + 4 * from,
      order.byteOffset + 4 * to,
      packed.byteOffset + 4 * block * this.#shape.rows,
      ordered.byteOffset + 16 * from,
      sums.byteOffset + 16 * a,
      sums.byteOffset + 16 * b,
      sums.byteOffset + 16 * c,
      sums.byteOffset + 16 * d,
      counts.byteOffset + 4 * a,
      counts.byteOffset + 4 * b,
      counts.byteOffset + 4 * c,
      counts.byteOffset + 4 * d,
    );
  }

  /** Subtracts the slots that start at `taken` from those that start at `from`. */
  subtract(from: number, taken: number, slots: number): void {
    const { sums, counts } = this.#memory;
    for (let i = 0; i < slots; i++) {
      counts[from + i] = (counts[from + i] as number) - (counts[taken + i] as number);
    }
    for (let i = 0; i < 2 * slots; i++) {
      sums[2 * from + i] = (sums[2 * from + i] as number) - (sums[2 * taken + i] as number);
    }
  }
}
