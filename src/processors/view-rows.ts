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

/** Rows of several events of one user. */
type Found<State> = {
  readonly byKey: ReadonlyMap<string, AsOfRow<State>>;
  readonly ofEvent: readonly (AsOfRow<State> | undefined)[];
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
    /** The row of each event, as it stands; undefined where the view does not take the event. */
    rowsOf: (store: Store, events: readonly Interaction[]): Found<State> => {
      const byKey = new Map<string, AsOfRow<State>>();
      const ofEvent = events.map((event) => {
        if (!view.filter(event)) return undefined;
        const key = view.key(event);
        const row = byKey.get(key) ?? store.get(key) ?? rows.empty();
        byKey.set(key, row);
        return row;
      });
      return { byKey, ofEvent };
    },
    /** Folds a row up to an event's time, and gives the features as of then; null where there is none. */
    foldedRow: (row: AsOfRow<State> | undefined, { ts }: Interaction): Row | null =>
      row === undefined ? null : view.finish(rows.fold(row, ts).folded, ts),
    /** Folds the rows up to the watermark and puts them. */
    foldAll: (store: Store, { byKey }: Found<State>, watermark: number, timestamp: number): void => {
      for (const [key, row] of byKey) store.put(key, rows.fold(row, watermark), timestamp);
    },
    rows,
  };
}

/** When the oldest pending event of a row can be folded: the watermark has passed it. */
export function foldableAt(row: AsOfRow<unknown>): number | undefined {
  const [first] = row.pending;
  return first === undefined ? undefined : first.ts + 1;
}
