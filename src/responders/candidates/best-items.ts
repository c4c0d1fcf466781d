import { itemIdOf } from '../view-store/item-numbers.ts';
import type { Found } from './port.ts';

/**
 * Keeps the `most` best of the items that are offered, in any order: higher scores first, equal ones by id. Unlike TopK,
 * which breaks ties by numbers, it needs no sorted list of all ids: that takes a second for a million of them.
 */
export class BestItems {
  readonly #most: number;
  /** Twice as many at most; the first ones are in order, up to what was offered since. */
  #kept: Found[] = [];
  /** Anything ranked after it cannot be among the best. */
  #last: Found | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  offer(item: number, score: number): void {
    const last = this.#last;
    if (
      last !== undefined &&
      (score < last.score || (score === last.score && itemIdOf(item) > itemIdOf(last.item)))
    )
      return;
    this.#kept.push({ item, score });
    if (this.#kept.length === 2 * this.#most) this.#trim();
  }

  /** Best first. */
  finish(): readonly Found[] {
    this.#trim();
    return this.#kept;
  }

  #trim(): void {
    this.#kept = this.#kept.sort(bestFirst).slice(0, this.#most);
    this.#last = this.#kept[this.#most - 1];
  }
}

function bestFirst(a: Found, b: Found): number {
  return b.score - a.score || (itemIdOf(a.item) < itemIdOf(b.item) ? -1 : 1);
}
