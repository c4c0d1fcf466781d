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

export type Inputs = {
  readonly views: Topic<string, View>;
  readonly users: Topic<string, Profile>;
  /** For views under another key: `views` counts what is decoded, and each is to count once. */
  readonly view: Serde<View>;
};

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
  const views = await topicOf<View>(registry, 'views', viewSchema);
  return {
    views,
    view: views.value,
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
  async (builder, { views, view }, registry) => {
    const output = await topicOf<number>(registry, 'hourly', countSchema);
    const items = builder.source(views).keyBy('by-item', ({ item }) => item, { value: view });
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

const enriched: Declare = async (builder, { views, users }, registry) => {
  const output = await topicOf<Enriched>(registry, 'enriched', enrichedSchema);
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
