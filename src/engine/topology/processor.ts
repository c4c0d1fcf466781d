import type { FlowRecord } from '../operators/record.ts';
import type { Serde } from '../serde.ts';
import type { KeyValueStore, Read } from '../store/key-value-store.ts';
import type { RowFormat } from '../store/row-format.ts';

/** Names a record type where only its type is needed: an input or an output of a processor. */
export type Port<K, V> = { readonly type?: (key: K, value: V) => void };

/** An input or output port that carries records of this type. */
export function port<K, V>(): Port<K, V> {
  return {};
}

// biome-ignore lint/suspicious/noExplicitAny: a set of ports is heterogeneous; each use infers its own types.
export type Ports = { readonly [name: string]: Port<any, any> };
export type KeyOf<P> = P extends Port<infer K, infer _V> ? K : never;
export type ValueOf<P> = P extends Port<infer _K, infer V> ? V : never;

/** A store of a processor. Its keys are text (see KeySerde.toText). */
export type StoreSpec<V> = {
  readonly value: Serde<V>;
  /**
   * A compacted topic that carries the whole value under the store's key, as `value` encodes it, and so serves as
   * its changelog; without one the engine makes `<topology>-<generation>-<processor>-<store>-changelog`.
   */
  readonly changelog?: { readonly name: string };
  /**
   * The store is a copy of this source topic's records, restored from there up to the offset that the task has
   * read; nothing is written for it.
   */
  readonly copyOf?: string;
  /** For a copy: the text of a topic's key after it is decoded and encoded again. */
  readonly keyText?: (text: string) => string;
  /** An entry goes, with a tombstone, when the watermark reaches the time of its newest change plus this. */
  readonly ttlMs?: number;
  /** What the rows are, where they are more than keys and values: for `describe`. */
  readonly kind?: string;
  /** How the rows hold windows: for queries. */
  readonly rows?: RowFormat;
};

// biome-ignore lint/suspicious/noExplicitAny: as Ports.
export type StoreSpecs = { readonly [name: string]: StoreSpec<any> };
export type StoresOf<S extends StoreSpecs> = {
  readonly [N in keyof S]: KeyValueStore<S[N] extends StoreSpec<infer V> ? V : never>;
};

/** What a processor may do while it handles a record or a timer. Nothing here waits. */
export type ProcessorContext<O extends Ports, S extends StoreSpecs> = {
  readonly stores: StoresOf<S>;
  /** Event time before which the task has seen everything, as of the record or timer at hand. */
  readonly watermark: number;
  /** Wall-clock time; only for processors that declare `dependsOnArrival`. */
  readonly wallNow: number;
  emit<N extends keyof O & string>(
    output: N,
    key: KeyOf<O[N]>,
    value: ValueOf<O[N]>,
    timestamp: number,
  ): void;
  /**
   * Sets or moves the one timer of `key`: it fires when the watermark reaches `dueMs`. Where it will emit under an earlier
   * timestamp, `earliestMs` holds the watermark of the operators after this one there, so that they don't find it late.
   */
  setTimer(key: string, dueMs: number, earliestMs?: number): void;
  clearTimer(key: string): void;
  /** As `setTimer`, by the wall clock: it fires behind the first batch at or after `dueMs`. For `onWallTimer`. */
  setWallTimer(key: string, dueMs: number): void;
  clearWallTimer(key: string): void;
  /** Counts the record or timer at hand as dropped, under a reason from a small set, such as 'late'. */
  drop(reason: string): void;
};

export type ProcessorSpec<I extends Ports, O extends Ports, S extends StoreSpecs> = {
  readonly inputs: I;
  readonly outputs: O;
  readonly stores: S;
  /**
   * The keys, by store, that a record's handling may read or write, and the prefixes that it walks. Absent: the
   * record's own key in every store. They are loaded for a whole batch before any of it is processed. What is read
   * without having been declared is loaded when it is met and the handler run again: right, but slow, and counted.
   */
  readonly reads?: {
    readonly [P in keyof I]?: (record: FlowRecord<KeyOf<I[P]>, ValueOf<I[P]>>) => {
      readonly [N in keyof S]?: readonly Read[];
    } & {
      /** The keys whose timers it may set or clear, where that is not the record's own. */
      readonly timers?: readonly string[];
    };
  };
  /**
   * A handler for each input. What it throws sends the record to the dead letters; its emits and puts are dropped, but
   * a stored value that it has changed in place stays changed: throw before, or put a new one.
   */
  readonly process: {
    readonly [P in keyof I]: (
      record: FlowRecord<KeyOf<I[P]>, ValueOf<I[P]>>,
      context: ProcessorContext<O, S>,
    ) => void;
  };
  /** The timer's key is loaded in every store. */
  readonly onTimer?: (key: string, dueMs: number, context: ProcessorContext<O, S>) => void;
  /** For timers by the wall clock; needs `dependsOnArrival`. */
  readonly onWallTimer?: (key: string, dueMs: number, context: ProcessorContext<O, S>) => void;
  /**
   * Its state depends on the order of arrival or on the wall clock: a rebuild from the log can differ, only a
   * replay of the journal is exact.
   */
  readonly dependsOnArrival?: boolean;
  /** The stores hold what functions of the caller's fold, and never change in place: the test driver sees to that. */
  readonly foldsStates?: boolean;
};

/** Declares a stateful processor; the call only serves type inference. */
export function defineProcessor<I extends Ports, O extends Ports, S extends StoreSpecs>(
  spec: ProcessorSpec<I, O, S>,
): ProcessorSpec<I, O, S> {
  return spec;
}
