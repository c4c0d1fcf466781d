/**
 * Views whose state is the newest record of a compacted topic: what is known of an entity without its having done
 * anything. Such a topic is its own view; `finish` makes the feature row of a record.
 */
import type { LastingRow, MovingFeature } from './lasting-row.ts';
import { type FeatureColumn, featureColumns, type RowOf, type RowSpec } from './row.ts';
import type { ViewDescription } from './view.ts';

type RecordViewDeclaration<Source extends string, Value, R extends RowSpec> = ViewDescription & {
  /** The topic. */
  readonly source: Source;
  readonly row: R;
  /** The row at time `now`, ms of the world's clock; of an entity without a record for null. */
  finish(record: Value | null, now: number): RowOf<R>;
  /** The features that change with every moment; all others follow from the record alone. */
  readonly moving: readonly MovingFeature<Value | null>[];
};

export type RecordView<Source extends string, Value, Row> = ViewDescription & {
  readonly source: Source;
  readonly columns: readonly FeatureColumn[];
  finish(record: Value | null, now: number): Row;
  readonly lasting: LastingRow<Value | null>;
};

export function defineRecordView<Source extends string, Value, const R extends RowSpec>({
  row,
  moving,
  ...declaration
}: RecordViewDeclaration<Source, Value, R>): RecordView<Source, Value, RowOf<R>> {
  const lasting = { moving, changesAt: () => Number.POSITIVE_INFINITY };
  return { ...declaration, columns: featureColumns(row), lasting };
}
