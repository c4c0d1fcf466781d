import { adaptSerde, type KeyValueStore, type Serde } from '#engine';
import { type AsOfRow, asOfRows, type FeatureTtls, type FeatureView, withTtls } from '#features';
import type { Interaction, ViewState } from '#schemas';
import { viewStates } from './view-state-serde.ts';

/** A view's topic, as far as a store needs it. */
export type ViewTopic = {
  readonly name: string;
  readonly value: Serde<ViewState>;
  /** The rows of examples expire as those of answers do. */
  readonly featureTtlMs?: FeatureTtls;
};

/** Rows of a view in a processor's store, with the view's topic as its changelog. */
export function viewRows<State, Row>(declared: FeatureView<State, Row>, topic: ViewTopic) {
  const view = withTtls(declared, topic.featureTtlMs ?? {});
  const rows = asOfRows(view);
  type Store = KeyValueStore<AsOfRow<State>>;
  const value: Serde<AsOfRow<State>> = adaptSerde(
    viewStates(topic.value),
    rows.fromViewState,
    rows.toViewState,
  );
  return {
    view,
    store: { value, changelog: { name: topic.name } },
    /** The key that the view takes the event under; undefined where it does not. */
    keyOf: (event: Interaction): string | undefined => (view.filter(event) ? view.key(event) : undefined),
    rowAt: (store: Store, key: string | undefined): AsOfRow<State> | undefined =>
      key === undefined ? undefined : (store.get(key) ?? rows.empty()),
    /** Puts the event into its row, if there is one. */
    insert: (
      store: Store,
      key: string | undefined,
      row: AsOfRow<State> | undefined,
      event: Interaction,
    ): void => {
      if (key !== undefined && row !== undefined) store.put(key, rows.insert(row, event), event.ts);
    },
    /** Of several events of one entity, or of one user: their rows by key, each as it stands. */
    rowsOf: (store: Store, events: readonly Interaction[]): Map<string, AsOfRow<State>> => {
      const found = new Map<string, AsOfRow<State>>();
      for (const event of events) {
        if (!view.filter(event)) continue;
        const key = view.key(event);
        if (!found.has(key)) found.set(key, store.get(key) ?? rows.empty());
      }
      return found;
    },
    /** Folds the event's row up to its time, and gives the features as of then; null where the view has none for it. */
    foldedRow: (found: ReadonlyMap<string, AsOfRow<State>>, event: Interaction): Row | null => {
      const row = view.filter(event) ? found.get(view.key(event)) : undefined;
      return row === undefined ? null : view.finish(rows.fold(row, event.ts).folded, event.ts);
    },
    /** Folds the rows up to the watermark and puts them. */
    foldAll: (
      store: Store,
      found: ReadonlyMap<string, AsOfRow<State>>,
      watermark: number,
      timestamp: number,
    ): void => {
      for (const [key, row] of found) store.put(key, rows.fold(row, watermark), timestamp);
    },
    rows,
  };
}

/** When the oldest pending event of a row can be folded: the watermark has passed it. */
export function foldableAt(row: AsOfRow<unknown>): number | undefined {
  const [first] = row.pending;
  return first === undefined ? undefined : first.ts + 1;
}
