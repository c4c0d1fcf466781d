import type { RowKey } from '../view-store/port.ts';
import type { FeatureRow, Moment, OnlineView } from './online-views.ts';

/** Collects the rows that an answer needs, each once: many items have one category, and two views may read one row. */
export class WantedRows {
  /** What is to be asked of the view store. */
  readonly keys: RowKey[] = [];
  readonly #keyPlaces = new Map<string, number>();
  readonly #rows: { readonly view: OnlineView; readonly keyPlace: number | undefined }[] = [];
  readonly #rowPlaces = new Map<string, number>();

  /** Where the row will be found. Without a key: that of an entity of which nothing is known. */
  place(view: OnlineView, key: string | null | undefined): number {
    const isKnown = typeof key === 'string';
    return placeOf(this.#rowPlaces, `${view.name} ${view.rowsOf} ${isKnown ? key : ''}`, () => {
      return this.#rows.push({ view, keyPlace: isKnown ? this.#keyPlace(view.rowsOf, key) : undefined });
    });
  }

  /** The rows by place. `stored` is what the view store has for `keys`. */
  read(stored: readonly unknown[], moment: Moment): readonly FeatureRow[] {
    return this.#rows.map(({ view, keyPlace }) => {
      return view.read(keyPlace === undefined ? undefined : stored[keyPlace], moment);
    });
  }

  #keyPlace(view: string, key: string): number {
    return placeOf(this.#keyPlaces, `${view} ${key}`, () => this.keys.push({ view, key }));
  }
}

/** `add` gives how many there are with the new one. */
function placeOf(places: Map<string, number>, id: string, add: () => number): number {
  const known = places.get(id);
  if (known !== undefined) return known;
  const place = add() - 1;
  places.set(id, place);
  return place;
}
