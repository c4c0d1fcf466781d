import { defineProcessor, port, type Serde } from '#engine';
import { interactionWeight, itemFeaturesView as view } from '#features';
import type { Example, ExampleRequest, Interaction, ViewState } from '#schemas';
import { foldableAt, viewRows } from './view-rows.ts';

/**
 * Keeps the view item-features, and completes examples with the item's row as of the event's time. Requests reach
 * it when the events' watermark has passed them, and rows are folded no further than the requests' own watermark:
 * so the row as of a request's time can always be told.
 */
export function itemFeatures(topic: { readonly name: string; readonly value: Serde<ViewState> }) {
  const { rows, store } = viewRows(view, topic);
  return defineProcessor({
    inputs: { events: port<string, Interaction>(), requests: port<string, ExampleRequest>() },
    outputs: { examples: port<string, Example>() },
    stores: { rows: store },
    process: {
      events: ({ key, value: event }, { stores, setTimer }) => {
        const row = rows.insert(stores.rows.get(key) ?? rows.empty(), event);
        stores.rows.put(key, row, event.ts);
        setTimer(key, foldableAt(row) ?? event.ts);
      },
      requests: ({ key, value: { event, user, profile } }, { stores, emit }) => {
        const row = stores.rows.get(key) ?? rows.empty();
        const item = view.finish(rows.stateAsOf(row, event.ts), event.ts);
        const { event_id, user_id, kind, value, ts, request_id } = event;
        const weight = interactionWeight(kind);
        const example = {
          event_id,
          user_id,
          item_id: key,
          kind,
          value,
          weight,
          ts,
          request_id,
          user,
          profile,
          item,
        };
        emit('examples', user_id, example, ts);
      },
    },
    onTimer: (key, dueMs, { stores, setTimer, watermark }) => {
      const row = rows.fold(stores.rows.get(key) ?? rows.empty(), watermark);
      stores.rows.put(key, row, dueMs);
      const next = foldableAt(row);
      if (next !== undefined) setTimer(key, next);
    },
  });
}
