import type { Ranked } from '#models';
import type { ViewStore } from '../view-store/port.ts';

export type ScoredItem = { readonly itemId: string; readonly score: number };

/** What the rows of an index stand for when it is loaded. */
export interface ItemRows {
  readonly itemCount: number;
  itemId(row: number): string;
  /** Undefined for an item that has no row. */
  itemIndex(id: string): number | undefined;
}

/** Ids in the order of their rows. */
export function rowsOf(ids: readonly string[]): ItemRows {
  const rows = new Map(ids.map((id, row) => [id, row]));
  return {
    itemCount: ids.length,
    itemId: (row) => ids[row] as string,
    itemIndex: (id) => rows.get(id),
  };
}

/**
 * Which item each row of an index is, and which of them may be shown: those in the catalogue and available, as of now.
 * Items that come later get rows behind those that were there.
 */
export class IndexedItems {
  readonly #loaded: ItemRows;
  readonly #added: string[] = [];
  readonly #addedRows = new Map<string, number>();
  readonly #views: ViewStore;
  readonly #unwatch: () => void;
  /** Bitmap of the rows of items that are not in the catalogue, or not available. */
  #unavailable: Uint8Array;

  constructor(loaded: ItemRows, views: ViewStore) {
    this.#loaded = loaded;
    this.#views = views;
    this.#unavailable = new Uint8Array((loaded.itemCount + 7) >> 3);
    for (let row = 0; row < loaded.itemCount; row++) this.#noteAvailability(loaded.itemId(row), row);
    this.#unwatch = views.watchItems((itemId, change) => {
      const row = change === 'item' ? this.rowOf(itemId) : undefined;
      if (row !== undefined) this.#noteAvailability(itemId, row);
    });
  }

  rowOf(itemId: string): number | undefined {
    return this.#loaded.itemIndex(itemId) ?? this.#addedRows.get(itemId);
  }

  /** The row of an item, which is given one where it has none. */
  rowFor(itemId: string): number {
    const row = this.rowOf(itemId);
    if (row !== undefined) return row;
    const next = this.#loaded.itemCount + this.#added.length;
    this.#added.push(itemId);
    this.#addedRows.set(itemId, next);
    if (next >> 3 >= this.#unavailable.length) {
      const larger = new Uint8Array(this.#unavailable.length * 2 + 8);
      larger.set(this.#unavailable);
      this.#unavailable = larger;
    }
    this.#noteAvailability(itemId, next);
    return next;
  }

  /** Rows that must not be found: those of items that are unavailable, and of these. */
  excluding(itemIds: readonly string[]): Uint8Array {
    const exclude = this.#unavailable.slice();
    for (const itemId of itemIds) {
      const row = this.rowOf(itemId);
      if (row !== undefined) setBit(exclude, row, true);
    }
    return exclude;
  }

  named({ ids, scores }: Ranked): ScoredItem[] {
    return Array.from(ids, (row, rank) => ({ itemId: this.#itemOf(row), score: scores[rank] as number }));
  }

  /** Hears of the catalogue no more. */
  close(): void {
    this.#unwatch();
  }

  #itemOf(row: number): string {
    const { itemCount } = this.#loaded;
    return row < itemCount ? this.#loaded.itemId(row) : (this.#added[row - itemCount] as string);
  }

  #noteAvailability(itemId: string, row: number): void {
    setBit(this.#unavailable, row, !this.#views.isAvailable(itemId));
  }
}

function setBit(bitmap: Uint8Array, at: number, value: boolean): void {
  const byte = bitmap[at >> 3] as number;
  bitmap[at >> 3] = value ? byte | (1 << (at & 7)) : byte & ~(1 << (at & 7));
}
