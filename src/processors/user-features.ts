import { defineProcessor, port, type Serde } from '#engine';
import { isPositive, userFeaturesView as view } from '#features';
import type { ExampleRequest, Interaction, ViewState } from '#schemas';
import { foldableAt, viewRows } from './view-rows.ts';

/**
 * Keeps the view user-features, and starts an example for each positive event: when the watermark has passed it,
 * everything that happened before it is known, and the row as of its time goes out with it.
 */
export function userFeatures(topic: { readonly name: string; readonly value: Serde<ViewState> }) {
  const { rows, store } = viewRows(view, topic);
  return defineProcessor({
    inputs: { events: port<string, Interaction>() },
    outputs: { requests: port<string, ExampleRequest>() },
    stores: { rows: store },
    process: {
      events: ({ key, value: event }, { stores, setTimer }) => {
        const row = rows.insert(stores.rows.get(key) ?? rows.empty(), event);
        stores.rows.put(key, row, event.ts);
        setTimer(key, foldableAt(row) ?? event.ts);
      },
    },
    onTimer: (key, dueMs, { stores, emit, setTimer, watermark }) => {
      const row = stores.rows.get(key) ?? rows.empty();
      for (const event of row.pending.filter(({ ts }) => ts < watermark)) {
        rows.fold(row, event.ts);
        if (!isPositive(event)) continue;
        const user = view.finish(row.folded, event.ts);
        emit('requests', key, { event, user, profile: null }, event.ts);
      }
      stores.rows.put(key, rows.fold(row, watermark), dueMs);
      const next = foldableAt(row);
      if (next !== undefined) setTimer(key, next);
    },
  });
}
