import type { ItemState } from '#features';
import type { PublishedRanks } from '#processors';
import type { Item } from '#schemas';

/** Names a row: the view's name, and its key, which is a cross key where the view's entity is a crossed one. */
export type RowKey = { readonly view: string; readonly key: string };

export type ItemChange = 'item' | 'features';

/**
 * The rows that answers are made of, of every view of events and of records. Those that are keyed by users, or by a user
 * and something else, may lie elsewhere, so they are asked for; those of the catalogue are looked at by the hundred in
 * one answer, so every adapter holds them in the process.
 */
export interface ViewStore {
  /**
   * What the rows are, in the order asked for: of a feature view the live state (everything processed so far), of a record
   * view the record; undefined where there is no row. Those of users are read in one step. Errors: RetryableError where
   * they lie elsewhere and can't be read, or are not all there.
   */
  rows(keys: readonly RowKey[]): Promise<readonly unknown[]>;
  /** An item of the catalogue, available or not. */
  item(itemId: string): Item | undefined;
  isAvailable(itemId: string): boolean;
  availableItems(): Iterable<string>;
  /** The live state of an item's features; undefined for one without events. */
  itemState(itemId: string): ItemState | undefined;
  /** How the popularity of all items was distributed when that was last published; undefined before. */
  readonly ranks: PublishedRanks | undefined;
  /** Calls `listener` after each change of an item or its features, until the function returned is called. */
  watchItems(listener: (itemId: string, change: ItemChange) => void): () => void;
  /** The newest watermark of the views, ms of event time; -Infinity when there is none. */
  readonly watermark: number;
  /** Resolves when the views hold what was readable at some moment since the opening. */
  readonly caughtUp: Promise<void>;
  /** Why answers would miss something; undefined when they would not. */
  notReady(): string | undefined;
  close(): Promise<void>;
}
