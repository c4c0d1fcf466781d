/** The topologies of the engine's benchmark: what Kafka Streams' side calls T1 to T4, and T5, whose state is on disk. */

import {
  avroSerde,
  defineProcessor,
  port,
  type Serde,
  type Topic,
  type TopologyBuilder,
  textKey,
} from '#engine';
import type { SchemaRegistry } from '#log';
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

/** How each kind of value is written. */
export type Serdes = {
  readonly view: Serde<View>;
  readonly profile: Serde<Profile>;
  readonly enriched: Serde<Enriched>;
  readonly totals: Serde<Totals>;
  readonly count: Serde<number>;
};

const kept = { policy: 'delete', retentionMs: null } as const;
const compacted = { policy: 'compact', tombstoneRetentionMs: 86_400_000 } as const;

export function topicOf<V>(
  name: string,
  value: Serde<V>,
  cleanup: Topic<string, V>['cleanup'] = kept,
): Topic<string, V> {
  return { name, partitions: PARTITIONS, cleanup, key: textKey, value };
}

export async function avroSerdes(registry: SchemaRegistry): Promise<Serdes> {
  return {
    view: await avroSerde(registry, 'views-value', viewSchema),
    profile: await avroSerde(registry, 'users-value', profileSchema),
    enriched: await avroSerde(registry, 'enriched-value', enrichedSchema),
    totals: await avroSerde(registry, 'totals-value', totalsSchema),
    count: await avroSerde(registry, 'hourly-value', countSchema),
  };
}

export function inputTopics({ view, profile }: Serdes, views = 'views'): Inputs {
  return { views: topicOf(views, view), users: topicOf('users', profile, compacted) };
}

/** Declares a topology; gives the topic that it writes to, which is yet to be created. */
export type Declare = (
  builder: TopologyBuilder,
  inputs: Inputs,
  serdes: Serdes,
  /** Stands before the name of that topic, where runs share a log. */
  instance?: string,
) => Topic<string, never>;

const outputName = (name: string, instance: string | undefined) =>
  instance === undefined ? name : `${instance}-${name}`;

/** Per user, all of the views added up. */
const totals =
  (emit: 'every-update' | 'per-commit'): Declare =>
  (builder, { views }, serdes, instance) => {
    const output = topicOf(outputName('totals', instance), serdes.totals);
    builder
      .source(views)
      .aggregate('totals', {
        initial: () => noTotals,
        add: (state, { value }) => addView(state, value),
        value: output.value,
        emit,
      })
      .to(output);
    return output as Topic<string, never>;
  };

/** Views of each item by the hour, as Kafka Streams' windows of one hour with five minutes of grace. */
const hourly =
  (emit: 'every-update' | 'per-commit'): Declare =>
  (builder, { views }, serdes, instance) => {
    const output = topicOf(outputName('hourly', instance), serdes.count);
    // The input's own serde counts what is decoded, and each view is to count once.
    const items = builder.source(views).keyBy('by-item', ({ item }) => item, { value: serdes.view });
    const hourOf = ({ key, timestamp }: { key: string; timestamp: number }) =>
      `${key}@${timestamp - (timestamp % HOUR_MS)}`;
    const spec = defineProcessor({
      inputs: { views: port<string, View>() },
      outputs: { counts: port<string, number>() },
      stores: { hours: { value: output.value } },
      reads: { views: (record) => ({ hours: [hourOf(record)] }) },
      process: {
        views: (record, { stores, emit, watermark, drop }) => {
          const hour = hourOf(record);
          if (record.timestamp - (record.timestamp % HOUR_MS) + HOUR_MS + GRACE_MS <= watermark)
            return drop('late');
          const count = (stores.hours.get(hour) ?? 0) + 1;
          stores.hours.put(hour, count, record.timestamp);
          emit('counts', hour, count, record.timestamp);
        },
      },
    });
    const { counts } = builder.process('hourly', spec, { views: items });
    (emit === 'per-commit' ? counts.lastPerCommit() : counts).to(output);
    return output as Topic<string, never>;
  };

const enriched: Declare = (builder, { views, users }, serdes, instance) => {
  const output = topicOf(outputName('enriched', instance), serdes.enriched);
  builder
    .source(views)
    .join('profiles', builder.table(users), (view, profile) => profile && { view, profile })
    .to(output);
  return output as Topic<string, never>;
};

export const cases: { readonly [name: string]: Declare } = {
  T1: totals('every-update'),
  T2: totals('per-commit'),
  T3: hourly('per-commit'),
  T3n: hourly('every-update'),
  T4: enriched,
  T5: totals('every-update'),
};
