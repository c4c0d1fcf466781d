import type { InteractionMatrix } from './interaction-matrix.ts';

/**
 * Calls `onItem` for each item with its row of XᵀX, where X is the matrix: how many users had it and the other, [items];
 * at the item itself, how many had it. The row is written over by the next one. The work is the sum of the squared
 * lengths of the histories.
 */
export function forEachCoOccurrenceRow(
  interactions: InteractionMatrix,
  onItem: (item: number, counts: Float64Array) => void,
): void {
  const byItem = interactions.transposed();
  const counts = new Float64Array(interactions.items);
  for (let item = 0; item < interactions.items; item++) {
    counts.fill(0);
    for (const user of byItem.itemsOf(item)) {
      const had = interactions.itemsOf(user);
      for (let i = 0; i < had.length; i++) {
        const other = had[i] as number;
        counts[other] = (counts[other] as number) + 1;
      }
    }
    onItem(item, counts);
  }
}
