/** What to load: one key, or all that begin with a prefix. */
export type Read = string | { readonly prefix: string };

/** What a processor sees of a store. */
export interface KeyValueStore<V> {
  get(key: string): V | undefined;
  /** When the entry was last changed, in event time; for stores whose serde is stamped. */
  timestamp(key: string): number | undefined;
  /** Entries whose key begins with `prefix`, in the order of keys (UTF-16 code units). */
  prefix(prefix: string): Iterable<readonly [key: string, value: V]>;
  /** `timestamp` is the event time of the change. */
  put(key: string, value: V, timestamp: number): void;
  delete(key: string, timestamp: number): void;
}

/** Thrown by a read of what has not been loaded. The operator that meets it loads that and runs the handler again. */
export class NotLoaded extends Error {
  readonly store: { readonly name: string; load(reads: readonly Read[]): Promise<void> };
  readonly read: Read;

  constructor(store: NotLoaded['store'], read: Read) {
    super(`store ${store.name} was read where it is not loaded: ${JSON.stringify(read)}`);
    this.store = store;
    this.read = read;
  }
}
