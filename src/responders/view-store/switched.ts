import type { ItemState } from '#features';
import type { PublishedRanks } from '#processors';
import type { Item } from '#schemas';
import type { ItemChange, ItemFacts, PairKeys, RowKey, UserListener, ViewStore } from './port.ts';

type ItemListener = (item: number, change: ItemChange) => void;

/**
 * A view store whose rows can be exchanged for those of another one: between two statements, so that every read is of one
 * or of the other. Listeners stay, and learn of the exchange by `watchReplaced`.
 */
export class SwitchedViewStore implements ViewStore {
  #current: ViewStore;
  readonly #items = new Set<ItemListener>();
  readonly #users = new Set<UserListener>();
  readonly #replaced = new Set<() => void>();
  #unwatch: () => void;
  #isClosed = false;

  /** Owns `first`, and each that takes its place. */
  constructor(first: ViewStore) {
    this.#current = first;
    this.#unwatch = this.#watch(first);
  }

  /**
   * Waits until `next` is all there, and reads from it from then on; what was read before is closed. Until then, and where
   * this rejects, nothing changes, and `next` is closed. `alongside` is called in the same moment.
   */
  async exchange(next: ViewStore, alongside: () => void = () => {}): Promise<void> {
    const before = this.#current;
    try {
      await next.caughtUp;
      if (this.#isClosed) return await next.close();
    } catch (error) {
      await next.close();
      throw error;
    }
    this.#unwatch();
    this.#current = next;
    this.#unwatch = this.#watch(next);
    alongside();
    for (const listener of this.#replaced) listener();
    await before.close();
  }

  rows(keys: readonly RowKey[], pairs?: readonly PairKeys[]): Promise<readonly unknown[]> {
    return this.#current.rows(keys, pairs);
  }

  item(itemId: string): Item | undefined {
    return this.#current.item(itemId);
  }

  title(item: number): string {
    return this.#current.title(item);
  }

  get facts(): ItemFacts {
    return this.#current.facts;
  }

  availableItems(): Iterable<number> {
    return this.#current.availableItems();
  }

  itemState(itemId: string): ItemState | undefined {
    return this.#current.itemState(itemId);
  }

  get ranks(): PublishedRanks | undefined {
    return this.#current.ranks;
  }

  watchItems(listener: ItemListener): () => void {
    this.#items.add(listener);
    return () => this.#items.delete(listener);
  }

  watchUsers(listener: UserListener): () => void {
    this.#users.add(listener);
    return () => this.#users.delete(listener);
  }

  watchReplaced(listener: () => void): () => void {
    this.#replaced.add(listener);
    return () => this.#replaced.delete(listener);
  }

  get watermark(): number {
    return this.#current.watermark;
  }

  get caughtUp(): Promise<void> {
    return this.#current.caughtUp;
  }

  notReady(): string | undefined {
    return this.#current.notReady();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unwatch();
    await this.#current.close();
  }

  #watch(store: ViewStore): () => void {
    const ends = [
      store.watchItems((item, change) => {
        for (const listener of this.#items) listener(item, change);
      }),
      store.watchUsers((userId) => {
        for (const listener of this.#users) listener(userId);
      }),
    ];
    return () => {
      for (const end of ends) end();
    };
  }
}
