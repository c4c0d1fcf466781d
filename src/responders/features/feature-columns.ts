import { type InputFeature, itemProfileView } from '#features';
import type { FeatureColumn } from '#models';
import { itemIdOf, itemIdsOf } from '../view-store/item-numbers.ts';
import type { PairKeys, RowKey } from '../view-store/port.ts';
import type { ItemColumns } from './item-columns.ts';
import type { KeptRows } from './kept-rows.ts';
import type { FeatureRow, Moment, OnlineView } from './online-views.ts';

/** A feature, and which of the columns it is. */
type Wanted = { readonly at: number; readonly name: string; readonly isText: boolean };

/** What is read of a view. */
type ViewColumns = { readonly view: OnlineView; readonly wanted: readonly Wanted[] };

/** Rows of a view that are read for this request, some for many of its items. */
type ReadRows = ViewColumns & {
  /** Which of the rows each item has, -1 for none; undefined: all have the same. */
  readonly rowOf: Int32Array | undefined;
  readonly rows: number;
  /** Where they are in `keys`, or behind those in `pairs`; undefined where nobody has such rows. */
  readonly from: number | undefined;
  readonly isOfPairs: boolean;
};

type Query = {
  /** Null for one of whom nothing is known. */
  readonly user: string | null;
  /** By their numbers. */
  readonly items: Int32Array;
};

/**
 * The features of a user with many items, column by column. Rows of items are kept finished (kept-rows.ts); those of the user, of
 * the user with each category that there is among the items, and of the user with each item are read, and finished where
 * there is one: most pairs have never met, and share the row of those.
 */
export class FeatureColumns {
  readonly #query: Query;
  readonly #features: readonly InputFeature[];
  readonly #itemColumns: ItemColumns;
  readonly #kept: (ViewColumns & { readonly rows: KeptRows })[] = [];
  readonly #read: ReadRows[] = [];
  /** What is to be asked of the view store. */
  readonly keys: RowKey[] = [];
  readonly pairs: PairKeys[] = [];
  /** Rows of `pairs`. */
  #pairRows = 0;

  /** `now`: for the categories of items, which it does not change. */
  constructor(
    query: Query,
    features: readonly InputFeature[],
    {
      itemColumns,
      viewOf,
      now,
    }: {
      readonly itemColumns: ItemColumns;
      readonly viewOf: (name: string) => OnlineView;
      readonly now: number;
    },
  ) {
    this.#query = query;
    this.#features = features;
    this.#itemColumns = itemColumns;
    const byView = new Map<string, Wanted[]>();
    features.forEach(({ view, feature, isText }, at) => {
      const wanted = byView.get(view);
      if (wanted === undefined) byView.set(view, [{ at, name: feature, isText }]);
      else wanted.push({ at, name: feature, isText });
    });
    for (const [name, wanted] of byView) {
      const view = viewOf(name);
      const rows = view.entity === 'item' ? itemColumns.of(view.name) : undefined;
      if (rows !== undefined) this.#kept.push({ view, wanted, rows });
      else this.#read.push(this.#ask({ view, wanted }, now));
    }
  }

  /** The columns in the order of the features; `stored` is what the view store has for `keys`. */
  finish(stored: readonly unknown[], moment: Moment): readonly FeatureColumn[] {
    const { items } = this.#query;
    const numbers = new Float64Array(this.#features.length * items.length);
    const columns: FeatureColumn[] = this.#features.map((_, at) =>
      numbers.subarray(at * items.length, (at + 1) * items.length),
    );
    for (const { view, wanted, rows } of this.#kept) {
      view.countMissing(rows.bringUp(items, moment.now));
      for (const { at, name, isText } of wanted) {
        if (isText) columns[at] = rows.texts(name);
        else rows.numbers(name, moment.now, columns[at] as Float64Array);
      }
    }
    for (const read of this.#read) this.#fill(columns, read, stored, moment);
    return columns;
  }

  #ask({ view, wanted }: ViewColumns, now: number): ReadRows {
    const { user, items } = this.#query;
    const asked = { view, wanted, isOfPairs: false };
    if (view.entity === 'user') {
      const from = user === null ? undefined : this.keys.length;
      if (user !== null) this.keys.push({ view: view.rowsOf, key: user });
      return { ...asked, rowOf: undefined, rows: 1, from };
    }
    if (view.entity === 'item') {
      const from = this.keys.length;
      for (const item of items) this.keys.push({ view: view.rowsOf, key: itemIdOf(item) });
      return { ...asked, rowOf: places(items.length), rows: items.length, from };
    }
    const { others, rowOf } =
      view.entity === 'user-category'
        ? this.#categories(now)
        : { others: itemIdsOf(items), rowOf: places(items.length) };
    const from = user === null ? undefined : this.#pairRows;
    if (user !== null) {
      this.pairs.push({ view: view.rowsOf, user, others });
      this.#pairRows += others.length;
    }
    return { ...asked, rowOf, rows: others.length, from, isOfPairs: true };
  }

  /** Those of the items, each once, and which of them each item is in. */
  #categories(now: number): { readonly others: readonly string[]; readonly rowOf: Int32Array } {
    const profiles = this.#itemColumns.of(itemProfileView.name) as KeptRows;
    const { items } = this.#query;
    profiles.bringUp(items, now);
    const numbers = new Map<string, number>();
    const rowOf = Int32Array.from(profiles.texts('category'), (category) => {
      if (category === null) return -1;
      const known = numbers.get(category) ?? numbers.size;
      numbers.set(category, known);
      return known;
    });
    return { others: [...numbers.keys()], rowOf };
  }

  #fill(
    columns: FeatureColumn[],
    { view, wanted, rowOf, rows, from, isOfPairs }: ReadRows,
    stored: readonly unknown[],
    moment: Moment,
  ): void {
    const found = new Array<FeatureRow['features'] | undefined>(rows).fill(undefined);
    const present: number[] = [];
    const first = (from ?? 0) + (isOfPairs ? this.keys.length : 0);
    for (let row = 0; row < rows; row++) {
      const own = from === undefined ? undefined : stored[first + row];
      if (own === undefined) continue;
      found[row] = view.read(own, moment).features;
      present.push(row);
    }
    const missing = rows - present.length;
    // Reading what is missing counts one.
    const none = missing === 0 ? undefined : view.read(undefined, moment).features;
    view.countMissing(Math.max(0, missing - 1));
    const { length } = this.#query.items;
    for (const { at, name, isText } of wanted) {
      const valueIn = (row: number) => (found[row] ?? none)?.[name] ?? null;
      if (isText)
        columns[at] = spread(
          found.map((_, row) => valueIn(row) as string | null),
          rowOf,
          length,
        );
      else if (rowOf === undefined) {
        (columns[at] as Float64Array).fill((valueIn(0) as number | null) ?? Number.NaN);
      } else {
        const other = (none?.[name] as number | null | undefined) ?? Number.NaN;
        const values = new Float64Array(rows).fill(other);
        for (const row of present) values[row] = (valueIn(row) as number | null) ?? Number.NaN;
        const column = columns[at] as Float64Array;
        for (let i = 0; i < length; i++) {
          const row = rowOf[i] as number;
          column[i] = row < 0 ? Number.NaN : (values[row] as number);
        }
      }
    }
  }
}

/** Texts of rows as a column of the items that have them. */
function spread(
  texts: readonly (string | null)[],
  rowOf: Int32Array | undefined,
  length: number,
): (string | null)[] {
  if (rowOf === undefined) return new Array<string | null>(length).fill(texts[0] ?? null);
  return Array.from(rowOf, (row) => texts[row] ?? null);
}

/** 0, 1, 2, ... */
function places(count: number): Int32Array {
  const all = new Int32Array(count);
  for (let i = 0; i < count; i++) all[i] = i;
  return all;
}
