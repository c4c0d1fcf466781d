import type { ItemState, UserState } from '#features';
import type { Item, Profile } from '#schemas';

/** What is known of a user. The state is the live one: everything processed so far. */
export type UserRows = {
  readonly state: UserState | undefined;
  readonly profile: Profile | null;
};

export type ItemChange = 'item' | 'features';

/**
 * The rows that answers are made of. Rows of users may lie elsewhere, so they are asked for; those of the catalogue
 * are looked at by the hundred in one answer, so every adapter holds them in the process.
 */
export interface ViewStore {
  /** Errors: those of `users`. */
  user(userId: string): Promise<UserRows>;
  /**
   * The rows of many, in the order asked for; those of an unknown user are empty. Errors: RetryableError where the rows lie
   * elsewhere and can't be read, or are not all there.
   */
  users(userIds: readonly string[]): Promise<readonly UserRows[]>;
  /** An item of the catalogue, available or not. */
  item(itemId: string): Item | undefined;
  isAvailable(itemId: string): boolean;
  availableItems(): Iterable<string>;
  /** The live state of an item's features; undefined for one without events. */
  itemState(itemId: string): ItemState | undefined;
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
