import { type ItemState, isOfUser } from '#features';
import { invariant } from '#platform';
import type { PublishedRanks } from '#processors';
import type { Item } from '#schemas';
import type { OpenedView, Topics } from '#topologies';
import type { FollowerEnvironment } from '../topic-follower.ts';
import { Catalogue } from './catalogue.ts';
import { FollowedRows } from './followed-rows.ts';
import type { ItemChange, RowKey, ViewStore } from './port.ts';
import { RowDecoder } from './row-decoder.ts';
import { type StoredView, storedViews } from './stored-views.ts';

/**
 * All rows in the memory of this process, encoded as they were read and decoded when they are asked for: a million
 * users fit, and reading a topic costs no more than copying it.
 */
export class InProcessViewStore implements ViewStore {
  readonly #views: ReadonlyMap<string, StoredView>;
  readonly #decoder: RowDecoder;
  readonly #catalogue: Catalogue;
  /** Those of users, and of users and something else. */
  readonly #rows: FollowedRows;

  private constructor(views: readonly StoredView[], decoder: RowDecoder, catalogue: Catalogue) {
    this.#views = new Map(views.map((view) => [view.name, view]));
    this.#decoder = decoder;
    this.#catalogue = catalogue;
    this.#rows = new FollowedRows(views.filter(isOfUser));
  }

  /** Starts to read; `caughtUp` says when everything is there. */
  static async open(
    environment: FollowerEnvironment,
    topics: Topics,
    modules: readonly OpenedView[] = [],
  ): Promise<InProcessViewStore> {
    const views = storedViews(topics, modules);
    const catalogue = await Catalogue.open(environment, topics, views);
    const store = new InProcessViewStore(views, new RowDecoder(environment), catalogue);
    try {
      await store.#rows.follow(environment);
    } catch (error) {
      await catalogue.close();
      throw error;
    }
    return store;
  }

  async rows(keys: readonly RowKey[]): Promise<readonly unknown[]> {
    return keys.map(({ view, key }) => {
      const stored = this.#views.get(view);
      invariant(stored !== undefined, 'rows are asked for of views that there are');
      if (!isOfUser(stored)) return this.#catalogue.row(view, key);
      return this.#decoder.row(stored, key, this.#rows.row(view, key));
    });
  }

  /** Memory held for rows: of users and of users and something else, of items. */
  get bytes(): { readonly users: number; readonly items: number } {
    return { users: this.#rows.bytes, items: this.#catalogue.bytes };
  }

  item(itemId: string): Item | undefined {
    return this.#catalogue.item(itemId);
  }

  isAvailable(itemId: string): boolean {
    return this.#catalogue.isAvailable(itemId);
  }

  availableItems(): Iterable<string> {
    return this.#catalogue.availableItems();
  }

  itemState(itemId: string): ItemState | undefined {
    return this.#catalogue.itemState(itemId);
  }

  get ranks(): PublishedRanks | undefined {
    return this.#catalogue.ranks;
  }

  watchItems(listener: (itemId: string, change: ItemChange) => void): () => void {
    return this.#catalogue.watchItems(listener);
  }

  get watermark(): number {
    return Math.max(this.#rows.watermark, this.#catalogue.watermark);
  }

  get caughtUp(): Promise<void> {
    return Promise.all([this.#rows.caughtUp, this.#catalogue.caughtUp]).then(() => {});
  }

  notReady(): string | undefined {
    const reasons = [this.#rows.notReady(), this.#catalogue.notReady()].filter(Boolean);
    return reasons.length === 0 ? undefined : reasons.join(', ');
  }

  async close(): Promise<void> {
    await Promise.all([this.#rows.close(), this.#catalogue.close()]);
  }
}
