import { avroSerde, defineProcessor, port, type Topic, type TopologyBuilder, textKey } from '#engine';
import { type AnyView, asOfRows, rowRecordName, rowSchema, versionedName } from '#features';
import type { SchemaRegistry } from '#log';
import { topics as catalogue, type ViewState } from '#schemas';

export type FinishedRows = Topic<string, object>;

/**
 * Topic `<view>-<version>-rows`, declared and not made: rows as a record of their features, for consumers outside who can't
 * read the state that the view's own topic carries. Errors: MR_SCHEMA_INCOMPATIBLE.
 */
export async function finishedRowsTopic(registry: SchemaRegistry, view: AnyView): Promise<FinishedRows> {
  const { partitions, cleanup } = catalogue['user-features-2'];
  const name = `${versionedName(view)}-rows`;
  const schema = rowSchema(view.columns, rowRecordName(view.name), `The finished row of view ${view.name}.`);
  return {
    name,
    partitions,
    cleanup,
    key: textKey,
    value: await avroSerde(registry, `${name}-value`, schema),
  };
}

/** Publishes each change of a view's rows, as of the time of that change; a row that goes is a tombstone. */
export function publishFinishedRows(
  builder: TopologyBuilder,
  view: AnyView,
  states: Topic<string, ViewState>,
  rows: FinishedRows,
): void {
  const { fromViewState, live } = asOfRows(view);
  const finish = defineProcessor({
    inputs: { states: port<string, ViewState | null>() },
    outputs: { rows: port<string, object | null>() },
    stores: {},
    process: {
      states: ({ key, value, timestamp }, { emit }) => {
        const row = value === null ? null : view.finish(live(fromViewState(value)), timestamp);
        emit('rows', key, row, timestamp);
      },
    },
  });
  const changes = builder.table(states).toStream();
  builder
    .process(`${view.name}-rows`, finish, { states: changes })
    .rows.to(rows as Topic<string, object | null>, { partitioning: 'same' });
}
