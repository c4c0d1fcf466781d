import { Candidate } from '../candidates/candidate.ts';
import { knownItem } from '../view-store/item-numbers.ts';
import type { OrderStep } from './port.ts';

/** An item in a place of its own, from 1, as long as nothing keeps it from the user. */
export type Promoted = { readonly item: string; readonly position: number };

/** Puts promoted items where they belong, marked as such; what the request's filter refuses is not promoted. */
export function promotion(promoted: readonly Promoted[]): OrderStep {
  const inPlace = promoted.toSorted((a, b) => a.position - b.position);
  return (list, { request: { filter, k } }) => {
    const shown = inPlace.flatMap(({ item: itemId, position }) => {
      const item = knownItem(itemId);
      const isShown = item !== undefined && position <= k && filter.refusal(item) === undefined;
      return isShown ? [{ item, position }] : [];
    });
    if (shown.length === 0) return list;
    const items = new Set(shown.map(({ item }) => item));
    const placed = list.filter(({ item }) => !items.has(item));
    for (const { item, position } of shown) {
      const candidate = list.find((each) => each.item === item) ?? new Candidate(item, 0, 0);
      candidate.isPromoted = true;
      placed.splice(position - 1, 0, candidate);
    }
    return placed;
  };
}
