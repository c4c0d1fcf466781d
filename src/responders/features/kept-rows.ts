import type { FeatureColumn, LastingRow } from '#features';
import { invariant } from '#platform';
import { itemIdOf } from '../view-store/item-numbers.ts';

/** A view of items whose rows last (features/lasting-row.ts). A row is what a view store has of an item, undefined for none. */
export type LastingView = {
  readonly columns: readonly FeatureColumn[];
  readonly lasting: LastingRow<unknown>;
  /** The state that `lasting` goes by. */
  stateOf(row: unknown): unknown;
  finish(state: unknown, now: number): Readonly<Record<string, unknown>>;
};

/** What every row begins with: the times from and before which it is right, and whether there is one at all. */
const FROM = 0;
const UNTIL = 1;
const FOUND = 2;
const FEATURES = 3;
const PAGE_BITS = 10;
const PAGE_ROWS = 2 ** PAGE_BITS;

type Kept =
  | { readonly kind: 'number'; readonly at: number }
  | { readonly kind: 'text'; readonly at: number; readonly texts: Texts }
  | { readonly kind: 'moving'; readonly at: number; readonly moving: LastingRow<unknown>['moving'][number] };

/** Texts by numbers, as they are kept: there are few, and they come again and again. */
class Texts {
  readonly #texts: (string | null)[] = [];
  readonly #numbers = new Map<string | null, number>();

  numberOf(text: string | null): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.#texts.length);
    return this.#texts.push(text) - 1;
  }

  at(number: number): string | null {
    return this.#texts[number] as string | null;
  }
}

/**
 * The rows of one view of items, finished, as numbers in pages of 1,024 places outside the JavaScript heap: 176 bytes an item
 * for item-features. A row is finished on first use, and again after its item has changed or a window has moved; in
 * between, a request takes a few loads for it where decoding and finishing take some 10 us. So features are never older
 * than the rows of the view store: they are what `finish` returns at the requested time.
 */
export class KeptRows {
  readonly #view: LastingView;
  readonly #rowOf: (itemId: string) => unknown;
  readonly #kept: ReadonlyMap<string, Kept>;
  readonly #width: number;
  readonly #pages: Float64Array[] = [];
  /** Where the rows are that were brought up last: the page of each, and its place there. */
  #found: Float64Array[] = [];
  #places = new Int32Array(0);

  constructor(view: LastingView, rowOf: (itemId: string) => unknown) {
    const { lasting, columns } = view;
    this.#view = view;
    this.#rowOf = rowOf;
    let at = FEATURES;
    const take = (width: number) => {
      at += width;
      return at - width;
    };
    const keep = ({ name, kind }: FeatureColumn): Kept | undefined => {
      const moving = lasting.moving.find(({ feature }) => feature === name);
      if (moving !== undefined) return { kind: 'moving', at: take(moving.width), moving };
      if (kind === 'string?') return { kind: 'text', at: take(1), texts: new Texts() };
      return kind.endsWith('[]') ? undefined : { kind: 'number', at: take(1) };
    };
    this.#kept = new Map(
      columns.flatMap((column) => {
        const kept = keep(column);
        return kept === undefined ? [] : [[column.name, kept] as const];
      }),
    );
    this.#width = at;
  }

  /** To be called when the item at a place has changed. */
  forget(place: number): void {
    const page = this.#pages[place >> PAGE_BITS];
    if (page !== undefined) page[(place & (PAGE_ROWS - 1)) * this.#width + UNTIL] = 0;
  }

  /** To be called when all items have changed. */
  forgetAll(): void {
    for (const page of this.#pages) page?.fill(0);
  }

  /**
   * Sees that the rows of the items at these places are right at `now`, and can be read until the next call; returns how many of
   * them there are not.
   */
  bringUp(places: Int32Array, now: number): number {
    let missing = 0;
    if (this.#places.length !== places.length) {
      this.#places = new Int32Array(places.length);
      this.#found = new Array<Float64Array>(places.length);
    }
    for (let i = 0; i < places.length; i++) {
      const place = places[i] as number;
      let page = this.#pages[place >> PAGE_BITS];
      if (page === undefined) {
        page = new Float64Array(PAGE_ROWS * this.#width);
        this.#pages[place >> PAGE_BITS] = page;
      }
      const at = (place & (PAGE_ROWS - 1)) * this.#width;
      const isRight = (page[at + FROM] as number) <= now && now < (page[at + UNTIL] as number);
      if (!isRight) this.#finish(page, at, { itemId: itemIdOf(place), now });
      if (page[at + FOUND] === 0) missing++;
      this.#found[i] = page;
      this.#places[i] = at;
    }
    return missing;
  }

  /** Writes a feature of the rows that were brought up last as of `now`, for which they were; NaN for none. */
  numbers(feature: string, now: number, into: Float64Array): void {
    const kept = this.#keptAs(feature);
    const [pages, places] = [this.#found, this.#places];
    if (kept.kind === 'moving') {
      for (let i = 0; i < places.length; i++)
        into[i] = kept.moving.value(pages[i] as Float64Array, (places[i] as number) + kept.at, now);
      return;
    }
    for (let i = 0; i < places.length; i++)
      into[i] = (pages[i] as Float64Array)[(places[i] as number) + kept.at] as number;
  }

  /** A feature that is a text, of the rows that were brought up last. */
  texts(feature: string): (string | null)[] {
    const kept = this.#keptAs(feature);
    invariant(kept.kind === 'text', 'the feature is a text');
    const [pages, places] = [this.#found, this.#places];
    const texts = new Array<string | null>(places.length);
    for (let i = 0; i < places.length; i++)
      texts[i] = kept.texts.at((pages[i] as Float64Array)[(places[i] as number) + kept.at] as number);
    return texts;
  }

  #finish(
    page: Float64Array,
    at: number,
    { itemId, now }: { readonly itemId: string; readonly now: number },
  ): void {
    const { lasting, stateOf, finish } = this.#view;
    const row = this.#rowOf(itemId);
    const state = stateOf(row);
    const features = finish(state, now);
    page[at + FROM] = now;
    page[at + UNTIL] = lasting.changesAt(state, now);
    page[at + FOUND] = row === undefined ? 0 : 1;
    for (const [name, kept] of this.#kept) {
      const feature = features[name];
      if (kept.kind === 'moving') page.set(kept.moving.terms(state), at + kept.at);
      else {
        page[at + kept.at] =
          kept.kind === 'text'
            ? kept.texts.numberOf(feature as string | null)
            : ((feature as number | null) ?? Number.NaN);
      }
    }
  }

  #keptAs(feature: string): Kept {
    const kept = this.#kept.get(feature);
    invariant(kept !== undefined, 'the feature is one number or one text of the view');
    return kept;
  }
}
