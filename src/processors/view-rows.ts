import { adaptSerde, type Serde } from '#engine';
import { type AsOfRow, asOfRows, type FeatureView } from '#features';
import type { ViewState } from '#schemas';

/** Rows of a view in a processor's store, with the view's topic as its changelog. */
export function viewRows<State, Row>(
  view: FeatureView<State, Row>,
  topic: { readonly name: string; readonly value: Serde<ViewState> },
) {
  const rows = asOfRows(view);
  const value: Serde<AsOfRow<State>> = adaptSerde(topic.value, rows.fromViewState, rows.toViewState);
  return { rows, store: { value, changelog: { name: topic.name } } };
}

/** When the oldest pending event of a row can be folded: the watermark has passed it. */
export function foldableAt(row: AsOfRow<unknown>): number | undefined {
  const [first] = row.pending;
  return first === undefined ? undefined : first.ts + 1;
}
