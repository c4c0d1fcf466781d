import { type KeySerde, type Serde, type Topic, type Topology, TopologyBuilder, textKey } from '#engine';
import type { SchemaRegistry } from '#log';
import type { Inputs } from './events.ts';
import { type Fields, type Shape, serdeOf, type Value } from './rows.ts';

type Shapes = { readonly [name: string]: Shape };

/** What a query is declared with: its inputs, the topic that it writes, and serdes for what it keeps besides. */
export type Setting<K, O extends Fields, S extends Shapes> = Inputs & {
  readonly builder: TopologyBuilder;
  readonly output: Topic<K, Value<O>>;
  readonly serdes: { readonly [N in keyof S]: Serde<Value<S[N]>> };
};

type Definition<K, O extends Fields, S extends Shapes> = {
  readonly title: string;
  /** Whether each record of the output counts, or the newest of each key. */
  readonly result: 'stream' | 'table';
  readonly output: O;
  /** What it keeps, or sends to itself, besides events and results. */
  readonly state?: S;
  /** Writes the output's keys; they are text by default. */
  readonly key?: KeySerde<K>;
  readonly declare: (setting: Setting<K, O, S>) => void;
};

/** A topology, ready to run, with the topic that it writes to. */
export type Declared = { readonly topology: Topology; readonly output: Topic<unknown, unknown> };

export type Query = Pick<Definition<string, Fields, never>, 'title' | 'result'> & {
  /** The names of the columns of its results. */
  readonly columns: readonly string[];
  declare(name: string, registry: SchemaRegistry, inputs: Inputs): Promise<Declared>;
};

const cleanup = {
  stream: { policy: 'delete', retentionMs: null },
  table: { policy: 'compact', tombstoneRetentionMs: 86_400_000 },
} as const;

/** Declares a query: what it writes, what it keeps, and how the one comes about. */
export function query<O extends Fields, S extends Shapes = Record<never, never>, K = string>(
  definition: Definition<K, O, S>,
): Query {
  const { title, result, output: fields, state = {} as S, key = textKey as KeySerde<unknown> } = definition;
  return {
    title,
    result,
    columns: Object.keys(fields),
    async declare(name, registry, inputs) {
      const serdes: { [name: string]: Serde<unknown> } = {};
      for (const [each, of] of Object.entries(state)) {
        serdes[each] = (await serdeOf(registry, `${name}-${each}`, of)) as Serde<unknown>;
      }
      const output: Topic<K, Value<O>> = {
        name,
        partitions: inputs.bids.partitions,
        cleanup: cleanup[result],
        key: key as KeySerde<K>,
        value: await serdeOf(registry, name, fields),
      };
      const builder = new TopologyBuilder({ name: `nexmark-${name}`, generation: 1 });
      definition.declare({ ...inputs, builder, output, serdes: serdes as Setting<K, O, S>['serdes'] });
      return { topology: builder.build(), output: output as Topic<unknown, unknown> };
    },
  };
}
