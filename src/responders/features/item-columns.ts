import { itemFeaturesView, itemProfileView } from '#features';
import type { ViewStore } from '../view-store/port.ts';
import { KeptRows, type LastingView } from './kept-rows.ts';

/** What is kept of items, by the view's name: those whose changes a view store tells of. */
export type ItemViews = { readonly [view: string]: LastingView | undefined };

/**
 * The features of the catalogue's items as they are now, for whoever reads those of hundreds in one request. The place of an
 * item is its number; a change of the item is heard of in the same tick in which the view store makes it.
 */
export class ItemColumns {
  readonly #rows: ReadonlyMap<string, KeptRows>;

  constructor(views: ViewStore, kept: ItemViews) {
    const rowOf: Readonly<Record<string, (itemId: string) => unknown>> = {
      [itemFeaturesView.name]: (itemId) => views.itemState(itemId),
      [itemProfileView.name]: (itemId) => views.item(itemId),
    };
    this.#rows = new Map(
      Object.entries(kept).flatMap(([name, view]) => {
        const read = rowOf[name];
        return read === undefined || view === undefined ? [] : [[name, new KeptRows(view, read)] as const];
      }),
    );
    views.watchReplaced(() => {
      for (const kept of this.#rows.values()) kept.forgetAll();
    });
    views.watchItems((item, change) => {
      this.#rows.get(change === 'item' ? itemProfileView.name : itemFeaturesView.name)?.forget(item);
    });
  }

  /** Undefined for a view whose rows are not kept. */
  of(view: string): KeptRows | undefined {
    return this.#rows.get(view);
  }
}
