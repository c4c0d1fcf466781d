import type { ItemState } from '#features';
import type { PublishedRanks } from '#processors';
import type { Item } from '#schemas';

/** Names a row: the view's name, and its key, which is a cross key where the view's entity is a crossed one. */
export type RowKey = { readonly view: string; readonly key: string };

/** The rows of a user with each of many others, which are items or categories as the view says. */
export type PairKeys = { readonly view: string; readonly user: string; readonly others: readonly string[] };

export type ItemChange = 'item' | 'features';

/** What filters look at; items that are alike in all of it share one object. */
export type ItemClass = {
  /** From 0, in the order of their first item. */
  readonly id: number;
  readonly available: boolean;
  readonly ageLimit: number;
  /** Where items may be shown; everywhere where it is empty. */
  readonly countries: readonly string[];
  readonly language: string | null;
  readonly category: string;
};

export type UserListener = (userId: string | undefined) => void;

/** What the catalogue says of items, by their numbers (item-numbers.ts). Costs no decoding. */
export interface ItemFacts {
  /** Undefined for an item that is not in the catalogue. */
  classOf(item: number): ItemClass | undefined;
  /** Ms since the epoch; 0 for an item that is not in the catalogue. */
  createdOf(item: number): number;
}

/**
 * The rows that answers are made of, of every view of events and of records. Those that are keyed by users, or by a user
 * and something else, may lie elsewhere, so reading them is asynchronous; rows of the catalogue are read by the
 * hundred for one answer, so every adapter holds them in the process.
 */
export interface ViewStore {
  /**
   * Returns the rows in the order requested: of a feature view the live state (everything processed so far), of a record
   * view the record; undefined where there is no row. Those of users are read in one step. Errors: RetryableError where
   * they lie elsewhere and can't be read, or are not all there. Those of `pairs` follow those of `keys`, a row for each of the
   * others.
   */
  rows(keys: readonly RowKey[], pairs?: readonly PairKeys[]): Promise<readonly unknown[]>;
  /** An item of the catalogue, available or not. */
  item(itemId: string): Item | undefined;
  /** An item's title; empty for one that is not in the catalogue. */
  title(item: number): string;
  readonly facts: ItemFacts;
  availableItems(): Iterable<number>;
  /** The live state of an item's features; undefined for one without events. */
  itemState(itemId: string): ItemState | undefined;
  /** How the popularity of all items was distributed when that was last published; undefined before. */
  readonly ranks: PublishedRanks | undefined;
  /** Calls `listener` after each change of an item or its features, until the function returned is called. */
  watchItems(listener: (item: number, change: ItemChange) => void): () => void;
  /**
   * Calls `listener` after each change of a row of a user, or of a user and something else, until the function returned is
   * called; with undefined where rows of any users may have changed without its being told, as after a lost connection.
   */
  watchUsers(listener: UserListener): () => void;
  /** Calls `listener` after all rows have been exchanged for others at once, until the function returned is called. */
  watchReplaced(listener: () => void): () => void;
  /** The newest watermark of the views, ms of event time; -Infinity when there is none. */
  readonly watermark: number;
  /** Resolves when the views hold what was readable at some moment since the opening. */
  readonly caughtUp: Promise<void>;
  /** Why answers would miss something; undefined when they would not. */
  notReady(): string | undefined;
  close(): Promise<void>;
}
