import { avroSerde, type Serde } from '#engine';
import type { SchemaRegistry } from '#log';
import { avroSchema, type SchemaName, type SchemaTypes } from '#schemas';

/** What topology loop keeps and sends within itself, by the names under which its schemas are registered. */
const records = {
  'recent-events': 'RecentEvents',
  'example-request': 'ExampleRequest',
  'unlabelled-example': 'UnlabelledExample',
  outcome: 'Outcome',
  'open-answer': 'OpenAnswer',
  'recent-outcomes': 'RecentOutcomes',
  'served-items': 'ServedItems',
  'rank-changes': 'RankChanges',
  'ranks-in-force': 'RanksInForce',
  promotions: 'PromotionHistory',
  'segment-visit': 'SegmentVisit',
  'segment-weight': 'SegmentWeight',
} as const satisfies { readonly [name: string]: SchemaName };

type Records = typeof records;
export type InternalValues = { readonly [N in keyof Records]: Serde<SchemaTypes[Records[N]]> };

/** Registers them. Errors: MR_SCHEMA_INCOMPATIBLE. */
export async function internalValues(registry: SchemaRegistry, generation: number): Promise<InternalValues> {
  const serdes = await Promise.all(
    Object.entries(records).map(async ([name, record]) => [
      name,
      await avroSerde(registry, `loop-${generation}-${name}-value`, avroSchema(record)),
    ]),
  );
  return Object.fromEntries(serdes) as InternalValues;
}
