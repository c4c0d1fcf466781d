import { crossKeysOf, type ItemState, isOfUser, splitCrossKey } from '#features';
import { invariant } from '#platform';
import type { PublishedRanks } from '#processors';
import type { Item } from '#schemas';
import type { OpenedView, Topics } from '#topologies';
import type { FollowerEnvironment } from '../topic-follower.ts';
import { Catalogue } from './catalogue.ts';
import { FollowedRows } from './followed-rows.ts';
import type { ItemChange, ItemFacts, PairKeys, RowKey, UserListener, ViewStore } from './port.ts';
import { RowDecoder } from './row-decoder.ts';
import { isCrossed, type StoredView, storedViews } from './stored-views.ts';

/**
 * All rows in the memory of this process, encoded as they were read and decoded on demand: a million
 * users fit, and reading a topic costs no more than copying it.
 */
export class InProcessViewStore implements ViewStore {
  readonly #views: ReadonlyMap<string, StoredView>;
  readonly #decoder: RowDecoder;
  readonly #catalogue: Catalogue;
  /** Those of users, and of users and something else. */
  readonly #rows: FollowedRows;
  readonly #userListeners = new Set<UserListener>();

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
      await store.#rows.follow(environment, (_view, { owner }) => store.#tell(owner));
    } catch (error) {
      await catalogue.close();
      throw error;
    }
    return store;
  }

  async rows(keys: readonly RowKey[], pairs: readonly PairKeys[] = []): Promise<readonly unknown[]> {
    const rows = new Array<unknown>(keys.length).fill(undefined);
    for (let at = 0; at < keys.length; ) {
      const { view, key } = keys[at] as RowKey;
      const stored = this.#views.get(view);
      invariant(stored !== undefined, 'requested views exist');
      if (isCrossed(stored)) at = this.#crossedRows(stored, keys, at, rows);
      else {
        rows[at++] = isOfUser(stored)
          ? this.#decoder.row(stored, key, this.#rows.row(view, key))
          : this.#catalogue.row(view, key);
      }
    }
    for (const { view, user, others } of pairs) {
      const stored = this.#views.get(view);
      invariant(stored !== undefined, 'requested views exist');
      const from = rows.length;
      for (let i = 0; i < others.length; i++) rows.push(undefined);
      this.#rows.each(view, user, others, (place, row) => {
        rows[from + place] = this.#decoder.row(stored, user, row);
      });
    }
    return rows;
  }

  /** Those from `at` on that are of one user, who comes with many items or categories at a time. Returns the end. */
  #crossedRows(stored: StoredView, keys: readonly RowKey[], at: number, rows: unknown[]): number {
    const [user] = splitCrossKey((keys[at] as RowKey).key);
    const prefix = crossKeysOf(user);
    const others = new Set<string>();
    let end = at;
    for (; end < keys.length; end++) {
      const { view, key } = keys[end] as RowKey;
      const other = key.slice(prefix.length);
      if (view !== stored.name || !key.startsWith(prefix) || others.has(other)) break;
      others.add(other);
    }
    // No cross key, and so no row's.
    if (end === at) return at + 1;
    this.#rows.each(stored.name, user, [...others], (place, row) => {
      rows[at + place] = this.#decoder.row(stored, (keys[at + place] as RowKey).key, row);
    });
    return end;
  }

  /** Memory held for rows: of users and of users and something else, of items. */
  get bytes(): { readonly users: number; readonly items: number } {
    return { users: this.#rows.bytes, items: this.#catalogue.bytes };
  }

  item(itemId: string): Item | undefined {
    return this.#catalogue.item(itemId);
  }

  title(item: number): string {
    return this.#catalogue.title(item);
  }

  get facts(): ItemFacts {
    return this.#catalogue.facts;
  }

  availableItems(): Iterable<number> {
    return this.#catalogue.availableItems();
  }

  itemState(itemId: string): ItemState | undefined {
    return this.#catalogue.itemState(itemId);
  }

  get ranks(): PublishedRanks | undefined {
    return this.#catalogue.ranks;
  }

  watchItems(listener: (item: number, change: ItemChange) => void): () => void {
    return this.#catalogue.watchItems(listener);
  }

  watchUsers(listener: UserListener): () => void {
    this.#userListeners.add(listener);
    return () => this.#userListeners.delete(listener);
  }

  /** Rows change one by one here. */
  watchReplaced(): () => void {
    return () => {};
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

  #tell(userId: string): void {
    for (const listener of this.#userListeners) listener(userId);
  }
}
