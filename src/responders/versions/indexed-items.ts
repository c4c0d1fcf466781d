import type { IdTable, Ranked } from '#models';
import { Slices } from '#platform';
import type { Found } from '../candidates/port.ts';
import type { ItemPolicy } from '../filters/item-policy.ts';
import type { Exclusion } from '../filters/request-filter.ts';
import { itemNumber } from '../view-store/item-numbers.ts';
import type { ItemClass, ViewStore } from '../view-store/port.ts';

/** What the rows of an index stand for when it is loaded. */
export interface ItemRows {
  readonly itemCount: number;
  itemId(row: number): string;
}

/** Ids in the order of their rows. */
export function rowsOf(ids: IdTable): ItemRows {
  return {
    itemCount: ids.size,
    itemId: (row) => ids.at(row) as string,
  };
}

/** Longest slice of reading the catalogue, ms: requests wait for one. */
const SLICE_MS = 1;
/** Policies whose bitmaps are kept; age limits are few, and so are the countries and languages in use at a time. */
const KEPT_BITMAPS = 32;
/** The class of a row whose item is not in the catalogue. */
const NO_CLASS = -1;
/** The row of an item that is not in the index. */
const NO_ROW = -1;

/**
 * Which item each row of an index is, and which of them a policy admits, as of now. Items that come later get rows after
 * those that were there. A policy is decided once a class of items and kept as a bitmap, which changes of the catalogue
 * keep current, so that a request copies it and takes out its own items.
 */
export class IndexedItems {
  /** Rows in use. */
  #size: number;
  /** The number of the item of each row. */
  #items: Int32Array;
  /** The row of each item, by its number; NO_ROW for others. */
  #rows = new Int32Array(0);
  readonly #views: ViewStore;
  readonly #unwatch: () => void;
  /** By row; NO_CLASS for items that are not in the catalogue. Rows beyond those in use have it as well. */
  #classIds: Int32Array;
  /** By row, ms since the epoch. */
  #created: Float64Array;
  readonly #classes: ItemClass[] = [];
  /** Distinct age limits of all classes. */
  readonly #ageLimits: number[] = [];
  /** Rows that a policy refuses, by its key, the one used last at the end. */
  readonly #refused = new Map<string, { readonly policy: ItemPolicy; readonly bitmap: Uint8Array }>();

  private constructor(rows: number, views: ViewStore) {
    this.#size = rows;
    this.#items = new Int32Array(rows);
    this.#views = views;
    this.#classIds = new Int32Array(rows).fill(NO_CLASS);
    this.#created = new Float64Array(rows);
    const unwatch = [
      views.watchItems((item, change) => {
        const row = change === 'item' ? this.rowOf(item) : undefined;
        if (row !== undefined) this.#noteFacts(row);
      }),
      // The other rows may know of changes of the catalogue that those before were yet to be told of.
      views.watchReplaced(() => void this.#noteAll()),
    ];
    this.#unwatch = () => {
      for (const end of unwatch) end();
    };
  }

  /** Resolves with the catalogue as it is then; a second's work for a million items, in slices. */
  static async open(loaded: ItemRows, views: ViewStore): Promise<IndexedItems> {
    const items = new IndexedItems(loaded.itemCount, views);
    const slices = new Slices(SLICE_MS);
    for (let row = 0; row < loaded.itemCount; row++) {
      items.#enter(itemNumber(loaded.itemId(row)), row);
      items.#noteFacts(row);
      if (slices.isOver) await slices.yield();
    }
    return items;
  }

  async #noteAll(): Promise<void> {
    const slices = new Slices(SLICE_MS);
    for (let row = 0; row < this.#size; row++) {
      this.#noteFacts(row);
      if (slices.isOver) await slices.yield();
    }
  }

  /** Undefined for an item that has no row. */
  rowOf(item: number): number | undefined {
    const row = this.#rows[item];
    return row === undefined || row === NO_ROW ? undefined : row;
  }

  /** The row of an item, which is given one where it has none. */
  rowFor(item: number): number {
    const row = this.rowOf(item);
    if (row !== undefined) return row;
    const next = this.#size++;
    if (next >= this.#classIds.length) this.#grow();
    this.#enter(item, next);
    this.#noteFacts(next);
    return next;
  }

  /** Bitmap of the rows that must not be found. */
  excluding({ policy, items, allow }: Exclusion): Uint8Array {
    const refused = this.#refusedBy(policy);
    const exclude = allow === undefined ? refused.slice() : this.#allBut(allow, refused);
    if (policy.createdSince > Number.NEGATIVE_INFINITY) this.#excludeOlder(exclude, policy.createdSince);
    for (const item of items) {
      const row = this.rowOf(item);
      if (row !== undefined) setBit(exclude, row, true);
    }
    return exclude;
  }

  /** What an index has found, as items. */
  found({ ids, scores }: Ranked): Found[] {
    const found = new Array<Found>(ids.length);
    for (let rank = 0; rank < ids.length; rank++) {
      found[rank] = { item: this.#items[ids[rank] as number] as number, score: scores[rank] as number };
    }
    return found;
  }

  /** Hears of the catalogue no more. */
  close(): void {
    this.#unwatch();
  }

  #enter(item: number, row: number): void {
    if (item >= this.#rows.length) {
      const rows = new Int32Array(2 * item + this.#size).fill(NO_ROW);
      rows.set(this.#rows);
      this.#rows = rows;
    }
    this.#rows[item] = row;
    this.#items[row] = item;
  }

  #noteFacts(row: number): void {
    const { facts } = this.#views;
    const item = this.#items[row] as number;
    const own = facts.classOf(item);
    this.#classIds[row] = own?.id ?? NO_CLASS;
    this.#created[row] = facts.createdOf(item);
    if (own !== undefined) this.#noteClass(own);
    for (const { policy, bitmap } of this.#refused.values()) {
      setBit(bitmap, row, own === undefined || !policy.admits(own));
    }
  }

  #noteClass(own: ItemClass): void {
    if (this.#classes[own.id] !== undefined) return;
    this.#classes[own.id] = own;
    if (this.#ageLimits.includes(own.ageLimit)) return;
    this.#ageLimits.push(own.ageLimit);
    // Ages that were alike may now differ.
    this.#refused.clear();
  }

  #refusedBy(policy: ItemPolicy): Uint8Array {
    const key = policy.keyAmong(this.#ageLimits);
    const kept = this.#refused.get(key) ?? { policy, bitmap: this.#bitmapOf(policy) };
    this.#refused.delete(key);
    this.#refused.set(key, kept);
    if (this.#refused.size > KEPT_BITMAPS) {
      const [oldest = key] = this.#refused.keys();
      this.#refused.delete(oldest);
    }
    return kept.bitmap;
  }

  #bitmapOf(policy: ItemPolicy): Uint8Array {
    const isRefused = Uint8Array.from(this.#classes, (each) =>
      each === undefined || !policy.admits(each) ? 1 : 0,
    );
    const rows = this.#classIds;
    const bitmap = new Uint8Array((rows.length + 7) >> 3).fill(0xff);
    for (let row = 0; row < rows.length; row++) {
      const classId = rows[row] as number;
      if (classId !== NO_CLASS && isRefused[classId] === 0) setBit(bitmap, row, false);
    }
    return bitmap;
  }

  #allBut(allow: ReadonlySet<number>, refused: Uint8Array): Uint8Array {
    const exclude = new Uint8Array(refused.length).fill(0xff);
    for (const item of allow) {
      const row = this.rowOf(item);
      if (row !== undefined) setBit(exclude, row, ((refused[row >> 3] as number) >> (row & 7)) % 2 === 1);
    }
    return exclude;
  }

  #excludeOlder(exclude: Uint8Array, since: number): void {
    const created = this.#created;
    for (let row = 0; row < created.length; row++) {
      if ((created[row] as number) < since) setBit(exclude, row, true);
    }
  }

  #grow(): void {
    const rows = this.#classIds.length * 2 + 64;
    const [classIds, created] = [new Int32Array(rows).fill(NO_CLASS), new Float64Array(rows)];
    const items = new Int32Array(rows);
    classIds.set(this.#classIds);
    created.set(this.#created);
    items.set(this.#items);
    this.#items = items;
    this.#classIds = classIds;
    this.#created = created;
    this.#refused.clear();
  }
}

function setBit(bitmap: Uint8Array, at: number, value: boolean): void {
  const byte = bitmap[at >> 3] as number;
  bitmap[at >> 3] = value ? byte | (1 << (at & 7)) : byte & ~(1 << (at & 7));
}
