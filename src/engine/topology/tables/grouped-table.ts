import { checkedKey } from '../../operators/record-checks.ts';
import type { KeySerde, Serde } from '../../serde.ts';
import { stampedSerde } from '../../store/stamped-serde.ts';
import type { Outlet } from '../node.ts';
import { defineProcessor, port } from '../processor.ts';
import type { Emission, Stream } from '../stream.ts';
import type { Table } from '../table.ts';
import type { RowChange } from './row-change.ts';

export type GroupOptions<G, V> = {
  /** How rows are written on their way to the group's task; by default, as the table's own. */
  readonly value?: Serde<V>;
  readonly key?: KeySerde<G>;
  readonly partitions?: number;
};

/** The options of a group: none are needed where its keys are text, which others need a serde to become. */
export type GroupArguments<G, V> = [G] extends [string]
  ? [options?: GroupOptions<G, V>]
  : [options: GroupOptions<G, V> & { readonly key: KeySerde<G> }];

export type TableAggregateOptions<G, V, S> = {
  readonly initial: () => S;
  /** A row comes into the group. Returns a new state, as `subtract` does; null removes the group's. */
  readonly add: (state: S, row: V, group: G) => S | null;
  /** A row leaves the group that `add` has brought in before. */
  readonly subtract: (state: S, row: V, group: G) => S | null;
  readonly value: Serde<S>;
  readonly emit?: Emission;
};

/**
 * A table's rows in groups (Kafka Streams' KGroupedTable). A row that changes leaves its old group and comes into
 * its new one; where they are the same, the group changes once, so that nobody sees it without the row.
 */
export class GroupedTable<G, V> {
  readonly #changes: Stream<G, RowChange<V>>;
  readonly #value: Serde<V>;
  readonly #tableOf: <S>(value: Serde<S>, from: Outlet) => Table<G, S>;

  constructor(
    changes: Stream<G, RowChange<V>>,
    value: Serde<V>,
    tableOf: <S>(value: Serde<S>, from: Outlet) => Table<G, S>,
  ) {
    this.#changes = changes;
    this.#value = value;
    this.#tableOf = tableOf;
  }

  /** Folds the rows that each group has now into a state. */
  aggregate<S>(name: string, options: TableAggregateOptions<G, V, S>): Table<G, S> {
    const { key, builder } = this.#changes;
    const { groups } = builder.process(name, aggregateSpec(checkedKey(key, name), options), {
      changes: this.#changes,
    });
    const table = this.#tableOf(options.value, groups.from);
    return options.emit === 'per-commit' ? table.lastPerCommit() : table;
  }

  /** Rows of each group; a group whose last row has gone counts 0. */
  count(
    name: string,
    options: { readonly value: Serde<number>; readonly emit?: Emission },
  ): Table<G, number> {
    return this.aggregate(name, {
      ...options,
      initial: () => 0,
      add: (count) => count + 1,
      subtract: (count) => count - 1,
    });
  }

  /** Combines the rows of each group; the first is the state. `subtractor` undoes what `adder` did. */
  reduce(
    name: string,
    adder: (state: V, row: V) => V,
    subtractor: (state: V, row: V) => V | null,
    options: { readonly value?: Serde<V>; readonly emit?: Emission } = {},
  ): Table<G, V> {
    return this.aggregate<V>(name, {
      value: this.#value,
      ...options,
      initial: () => undefined as V,
      add: (state, row) => (state === undefined ? row : adder(state, row)),
      subtract: subtractor,
    });
  }
}

function aggregateSpec<G, V, S>(key: KeySerde<G>, options: TableAggregateOptions<G, V, S>) {
  return defineProcessor({
    inputs: { changes: port<G, RowChange<V>>() },
    outputs: { groups: port<G, S | null>() },
    stores: { state: { value: stampedSerde(options.value) } },
    foldsStates: true,
    reads: { changes: (record) => ({ state: [key.toText(record.key)] }) },
    process: {
      changes: ({ key: group, value: { removed, added }, timestamp }, { stores, emit }) => {
        const text = key.toText(group);
        const before = stores.state.get(text);
        let state: S | null = before ?? null;
        // A group that was removed while it had rows has nothing to take them from.
        if (removed !== undefined && state !== null) state = options.subtract(state, removed, group);
        if (added !== undefined) state = options.add(state ?? options.initial(), added, group);
        const newest = Math.max(timestamp, stores.state.timestamp(text) ?? timestamp);
        if (state !== null) stores.state.put(text, state, newest);
        else if (before !== undefined) stores.state.delete(text, newest);
        else return;
        emit('groups', group, state, newest);
      },
    },
  });
}
