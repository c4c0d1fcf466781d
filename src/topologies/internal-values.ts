import { avroSerde, type Serde } from '#engine';
import type { SchemaRegistry } from '#engine/log';
import { avroSchema, type Example, type SchemaName, type SchemaTypes } from '#schemas';

/** What topology loop keeps and sends within itself, by the names under which its schemas are registered. */
const records = {
  'recent-events': 'RecentEvents',
  'example-request': 'ExampleRequest',
  'unlabelled-example': 'UnlabelledExample',
  outcome: 'Outcome',
  'recent-outcomes': 'RecentOutcomes',
  'served-items': 'ServedItems',
  'rank-changes': 'RankChanges',
  'ranks-in-force': 'RanksInForce',
  promotions: 'PromotionHistory',
} as const satisfies { readonly [name: string]: SchemaName };

/**
 * The rows of features that a request for an example brings: item-views writes them into the example as it has read them.
 * Decoding and encoding them again was a tenth of the loop's time.
 */
const passed = ['UserFeatures', 'Profile', 'UserCategoryFeatures', 'UserItemFeatures', 'ContextFeatures'];

type Records = typeof records;
export type InternalValues = { readonly [N in keyof Records]: Serde<SchemaTypes[Records[N]]> } & {
  /** As on topic `examples`, with rows as requests bring them. */
  readonly example: Serde<Example>;
};

/** Registers them. Errors: MR_SCHEMA_INCOMPATIBLE. */
export async function internalValues(registry: SchemaRegistry, generation: number): Promise<InternalValues> {
  const serdes = await Promise.all(
    Object.entries(records).map(async ([name, record]) => [
      name,
      await avroSerde(registry, `loop-${generation}-${name}-value`, avroSchema(record), passed),
    ]),
  );
  const example = await avroSerde(registry, 'examples-value', avroSchema('Example'), passed);
  return { ...Object.fromEntries(serdes), example } as InternalValues;
}
