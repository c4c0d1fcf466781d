import type { KeyValueStore, StoreSpec } from '#engine';
import { type AnyView, type AsOfRow, crossKeysOf } from '#features';
import type { Interaction } from '#schemas';
import { type Place, type ViewTopic, viewRows } from './view-rows.ts';

type Rows = KeyValueStore<AsOfRow<unknown>>;
type Places = readonly (Place<unknown> | undefined)[];

/**
 * Views that are kept beside the one that takes every event of a user or an item; its timer folds their rows, too. Each view
 * has a store of its name. Callers read all rows before they change any: a read that has to be loaded restarts the handler.
 */
export function otherViews(views: readonly AnyView[], topicOf: (view: AnyView) => ViewTopic) {
  const kept = views.map((view) => ({
    ...viewRows(view, topicOf(view)),
    name: view.name,
    field: view.exampleField,
    isCrossed: view.entity.includes('-'),
  }));
  const stores: Readonly<Record<string, StoreSpec<AsOfRow<unknown>>>> = Object.fromEntries(
    kept.map(({ name, store }) => [name, store]),
  );
  const rowsOf = (all: object, name: string): Rows => (all as Readonly<Record<string, Rows>>)[name] as Rows;
  return {
    stores,
    /** What an event's handling reads. */
    readsOf: (event: Interaction) => {
      const reads: Record<string, readonly string[]> = {};
      for (const { name, keyOf } of kept) {
        const key = keyOf(event);
        reads[name] = key === undefined ? [] : [key];
      }
      return reads;
    },
    /** All rows of the user or item. */
    readsUnder: (key: string) => {
      const reads = kept.map(({ name, isCrossed }) => {
        return [name, [isCrossed ? { prefix: crossKeysOf(key) } : key]] as const;
      });
      return Object.fromEntries(reads);
    },
    placesOf: (all: object, event: Interaction): Places =>
      kept.map(({ name, placeOf }) => placeOf(rowsOf(all, name), event)),
    /** The rows that are under the key itself. */
    placesUnder: (all: object, key: string): Places =>
      kept.map(({ name, rows }) => ({ key, row: rowsOf(all, name).get(key) ?? rows.empty() })),
    insert: (all: object, places: Places, event: Interaction): void => {
      for (let i = 0; i < kept.length; i++) {
        const { name, insert } = kept[i] as (typeof kept)[number];
        insert(rowsOf(all, name), places[i], event);
      }
    },
    /** Folds rows up to an event's time; returns the features as of then by their fields of examples, null where there is no row. */
    foldedRows: (places: Places, event: Interaction) => {
      const rows: Record<string, unknown> = {};
      for (let i = 0; i < kept.length; i++) {
        const { field, foldedRow } = kept[i] as (typeof kept)[number];
        if (field !== undefined) rows[field] = foldedRow(places[i], event);
      }
      return rows;
    },
    /** The features as of a time, of rows that are under the key itself. */
    rowsAsOf: (all: object, key: string, t: number) => {
      const rows: Record<string, unknown> = {};
      for (const { name, field, rows: asOf, view } of kept) {
        if (field === undefined) continue;
        rows[field] = view.finish(asOf.stateAsOf(rowsOf(all, name).get(key) ?? asOf.empty(), t), t);
      }
      return rows;
    },
    foldUpTo: (all: object, places: Places, watermark: number, timestamp: number): void => {
      for (let i = 0; i < kept.length; i++) {
        const { name, foldUpTo } = kept[i] as (typeof kept)[number];
        foldUpTo(rowsOf(all, name), places[i], watermark, timestamp);
      }
    },
    delete: (all: object, key: string, timestamp: number): void => {
      for (const { name, isCrossed } of kept) {
        const rows = rowsOf(all, name);
        if (!isCrossed) rows.delete(key, timestamp);
        else for (const [crossed] of rows.prefix(crossKeysOf(key))) rows.delete(crossed, timestamp);
      }
    },
  };
}
