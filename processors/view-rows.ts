import { adaptSerde, type KeyValueStore, type Serde } from '#engine';
import { type AsOfRow, asOfRows, type FeatureTtls, type FeatureView, withTtls } from '#features';
import type { Interaction, ViewState } from '#schemas';

/** A view's topic, as far as a store needs it. */
export type ViewTopic = {
  readonly name: string;
  readonly value: Serde<ViewState>;
  /** The rows of examples expire as those of answers do. */
  readonly featureTtlMs?: FeatureTtls;
};

/** The row that an event goes into, and its key. */
export type Place<State> = { readonly key: string; readonly row: AsOfRow<State> };

/** Rows of a view in a processor's store, with the view's topic as its changelog. */
export function viewRows<State, Row>(declared: FeatureView<State, Row>, topic: ViewTopic) {
  const view = withTtls(declared, topic.featureTtlMs ?? {});
  const rows = asOfRows(view);
  type Store = KeyValueStore<AsOfRow<State>>;
  const value: Serde<AsOfRow<State>> = adaptSerde(topic.value, rows.fromViewState, rows.toViewState);
  return {
    view,
    store: { value, changelog: { name: topic.name } },
    /** The key that the view takes the event under; undefined where it does not. */
    keyOf: (event: Interaction): string | undefined => (view.filter(event) ? view.key(event) : undefined),
    /** Puts the event into its row, if there is one. */
    insert: (store: Store, place: Place<State> | undefined, event: Interaction): void => {
      if (place !== undefined) store.put(place.key, rows.insert(place.row, event), event.ts);
    },
    /** Where the event goes, as the row stands; undefined where the view does not take the event. */
    placeOf: (store: Store, event: Interaction): Place<State> | undefined => {
      if (!view.filter(event)) return undefined;
      const key = view.key(event);
      return { key, row: store.get(key) ?? rows.empty() };
    },
    /** Folds a row up to an event's time, and returns the features as of then; null where there is none. */
    foldedRow: (place: Place<State> | undefined, { ts }: Interaction): Row | null =>
      place === undefined ? null : view.finish(rows.fold(place.row, ts).folded, ts),
    /** Folds the row up to the watermark and puts it, if there is one and it holds events from before. */
    foldUpTo: (store: Store, place: Place<State> | undefined, watermark: number, timestamp: number): void => {
      if (place === undefined) return;
      const { key, row } = place;
      const due = foldableAt(row);
      if (due !== undefined && due <= watermark) store.put(key, rows.fold(row, watermark), timestamp);
    },
    rows,
  };
}

/** When the oldest pending event of a row can be folded: the watermark has passed it. */
export function foldableAt(row: AsOfRow<unknown>): number | undefined {
  const [first] = row.pending;
  return first === undefined ? undefined : first.ts + 1;
}
