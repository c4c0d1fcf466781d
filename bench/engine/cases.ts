/** The topologies of the engine's benchmark: what Kafka Streams' side calls T1 to T4, and T5, whose state is on disk. */
import { avroSerde, defineProcessor, port, type Serde, type Topic, type TopologyBuilder, textKey } from '#engine';
import type { SchemaRegistry } from '#engine/log';
import {
  addView,
  countSchema,
  type Enriched,
  enrichedSchema,
  noTotals,
  type Profile,
  profileSchema,
  type Totals,
  totalsSchema,
  type View,
  viewSchema,
} from './events.ts';

export const PARTITIONS = 4;
const HOUR_MS = 3_600_000;
const GRACE_MS = 300_000;

export type Inputs = { readonly views: Topic<string, View>; readonly users: Topic<string, Profile> };

const kept = { policy: 'delete', retentionMs: null } as const;
const compacted = { policy: 'compact', tombstoneRetentionMs: 86_400_000 } as const;

async function topicOf<V>(
  registry: SchemaRegistry,
  name: string,
  schema: object,
  cleanup: Topic<string, V>['cleanup'] = kept,
): Promise<Topic<string, V>> {
  const value: Serde<V> = await avroSerde(registry, `${name}-value`, schema);
  return { name, partitions: PARTITIONS, cleanup, key: textKey, value };
}

export async function inputTopics(registry: SchemaRegistry): Promise<Inputs> {
  return {
    views: await topicOf(registry, 'views', viewSchema),
    users: await topicOf(registry, 'users', profileSchema, compacted),
  };
}

/** Declares a topology; gives the topic that it writes to, which is yet to be created. */
export type Declare = (
  builder: TopologyBuilder,
  inputs: Inputs,
  registry: SchemaRegistry,
) => Promise<Topic<string, never>>;

/** Per user, all of the views added up. */
const totals =
  (emit: 'every-update' | 'per-commit'): Declare =>
  async (builder, { views }, registry) => {
    const output = await topicOf<Totals>(registry, 'totals', totalsSchema);
    builder
      .source(views)
      .aggregate('totals', { initial: () => noTotals, add: (state, { value }) => addView(state, value), value: output.value, emit })
      .to(output);
    return output as Topic<string, never>;
  };

export const cases: { readonly [name: string]: Declare } = { T1: totals('every-update'), T2: totals('per-commit'), T5: totals('every-update') };
