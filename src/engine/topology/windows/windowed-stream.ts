import type { FlowRecord } from '../../operators/record.ts';
import { checkedKey, undefinedOf } from '../../operators/record-checks.ts';
import type { Serde } from '../../serde.ts';
import type { Stream } from '../stream.ts';
import type { Table } from '../table.ts';
import { invalid } from '../topology.ts';
import type { MergeFor, SessionMerge, WindowAggregation, WindowEmission } from './aggregation.ts';
import { sessionWindowSpec } from './session-windows.ts';
import { slidingWindowSpec } from './sliding-windows.ts';
import { timeWindowSpec } from './time-windows.ts';
import type { Window } from './window.ts';
import { closingKey, type Windowed } from './windowed-key.ts';

type LateOption<K, V> = {
  /** Is given the records that came too late for any window, to send them somewhere. They are counted in any case. */
  late?(records: Stream<K, V>): void;
};

export type WindowedAggregateOptions<K, V, S, W extends Window> = WindowAggregation<K, V, S> &
  MergeFor<W, S> &
  LateOption<K, V>;

type ResultOptions<K, V, S> = LateOption<K, V> & {
  readonly value: Serde<S>;
  readonly emit?: WindowEmission;
  readonly retentionMs?: number;
};

/** A stream whose records are folded window by window. Each result's timestamp is the newest of the records in it. */
export class WindowedStream<K, V, W extends Window> {
  readonly #stream: Stream<K, V>;
  readonly #window: W;

  constructor(stream: Stream<K, V>, window: W) {
    this.#stream = stream;
    this.#window = window;
  }

  /** Folds the records of each key and window into a state; sessions that become one are merged. */
  aggregate<S>(name: string, options: WindowedAggregateOptions<K, V, S, W>): Table<Windowed<K>, S> {
    const { emit, value, retentionMs = 0 } = options;
    if (!Number.isSafeInteger(retentionMs) || retentionMs < 0) {
      throw invalid(`windows are retained for ${retentionMs} ms`);
    }
    const { records, late: refused } = this.#process(name, options);
    options.late?.(refused.withKey(this.#stream.key));
    const results = records.withKey(closingKey(this.#stream.key, this.#window, retentionMs));
    const emitted = emit === 'per-commit' ? results.lastPerCommit() : results;
    return emitted.toTable(value as Serde<NonNullable<S>>) as Table<Windowed<K>, S>;
  }

  /** Combines the values of each key and window; the first is the state. */
  reduce(
    name: string,
    combine: (state: NonNullable<V>, value: NonNullable<V>) => NonNullable<V> | null,
    options: ResultOptions<K, V, NonNullable<V>>,
  ): Table<Windowed<K>, NonNullable<V>> {
    type State = NonNullable<V>;
    const both = (state: State | null | undefined, value: State) =>
      state === undefined || state === null ? value : combine(state, value);
    const reduction: WindowAggregation<K, V, State> & SessionMerge<State> & LateOption<K, V> = {
      ...options,
      initial: () => undefined as unknown as State,
      add: (state, { value }) => both(state, value),
      merge: both as SessionMerge<State>['merge'],
    };
    return this.aggregate<State>(name, reduction as WindowedAggregateOptions<K, V, State, W>);
  }

  /** Counts the records of each key and window. */
  count(name: string, options: ResultOptions<K, V, number>): Table<Windowed<K>, number> {
    const counting: WindowAggregation<K, V, number> & SessionMerge<number> & LateOption<K, V> = {
      ...options,
      initial: () => 0,
      add: (count) => count + 1,
      merge: (earlier, later) => earlier + later,
    };
    return this.aggregate<number>(name, counting as WindowedAggregateOptions<K, V, number, W>);
  }

  #process<S>(name: string, options: WindowedAggregateOptions<K, V, S, W>) {
    const window: Window = this.#window;
    const { builder } = this.#stream;
    const key = checkedKey(this.#stream.key, name);
    const inputs = { records: this.#stream };
    const routesLate = options.late !== undefined;
    const add = (state: S, record: FlowRecord<K, NonNullable<V>>) => {
      const next = options.add(state, record);
      if (next === undefined) throw undefinedOf(name, record.key);
      return next;
    };
    const folding = { ...options, add };
    switch (window.kind) {
      case 'time':
        return builder.process(name, timeWindowSpec(key, window, folding, routesLate), inputs);
      case 'sliding':
        return builder.process(name, slidingWindowSpec(key, window, folding, routesLate), inputs);
      case 'session': {
        const merging = folding as typeof folding & SessionMerge<S>;
        return builder.process(name, sessionWindowSpec(key, window, merging, routesLate), inputs);
      }
    }
  }
}
