import { defineProcessor, port, type Serde } from '#engine';
import type { AnyView } from '#features';
import type { Interaction, ViewState } from '#schemas';
import { foldableAt, viewRows } from './view-rows.ts';

/** Keeps one view, from its events keyed as it is. */
export function keepView(view: AnyView, topic: { readonly name: string; readonly value: Serde<ViewState> }) {
  const { rows, store } = viewRows(view, topic);
  return defineProcessor({
    inputs: { events: port<string, Interaction>() },
    outputs: {},
    stores: { rows: store },
    process: {
      events: ({ key, value: event }, { stores, setTimer }) => {
        const row = rows.insert(stores.rows.get(key) ?? rows.empty(), event);
        stores.rows.put(key, row, event.ts);
        setTimer(key, foldableAt(row) ?? event.ts);
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
