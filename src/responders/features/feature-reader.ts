import {
  contextFeatures,
  crossKey,
  type InputFeature,
  itemFeaturesView,
  itemProfileView,
  userFeaturesView,
  worldNow,
} from '#features';
import type { FeatureColumn } from '#models';
import type { Clock } from '#platform';
import type { ContextFeatures, InteractionContext } from '#schemas';
import type { ViewStore } from '../view-store/port.ts';
import { FeatureColumns } from './feature-columns.ts';
import { ItemColumns } from './item-columns.ts';
import type { FeatureRow, OnlineView, OnlineViews } from './online-views.ts';
import { CONTEXT, fittingViews } from './query-check.ts';
import { WantedRows } from './wanted-rows.ts';

export type FeatureQuery = {
  /** As the log names the user; null for one who has no name there, and of whom nothing is known. */
  readonly user?: string | null;
  readonly items?: readonly string[];
  /** Names of views, and `context`. Absent: all that what is named has, and the context where one is given. */
  readonly views?: readonly string[];
  /** For models: `views` are those of the product, in the versions that this build has, whichever are live. */
  readonly ofProduct?: boolean;
  readonly context?: InteractionContext;
  /** Ms of the world's clock; absent: now. */
  readonly now?: number;
};

/** By view. Null: of the user and the item's category, for an item that the catalogue does not have. */
export type RowsByView = { readonly [view: string]: FeatureRow | null };

export type FeatureAnswer = {
  /** The moment that the features are of, ms of the world's clock. */
  readonly ts: number;
  /** Rows of the user alone; absent if none was named. */
  readonly user?: RowsByView;
  /** Rows of each item, and of the user with it, in the requested order; absent if none was named. */
  readonly items?: readonly RowsByView[];
  readonly context?: ContextFeatures;
};

/** What a model that ranks reads of a user with items. */
export type ColumnsQuery = {
  /** As the log names the user; null for one who has no name there, and of whom nothing is known. */
  readonly user: string | null;
  /** By their numbers. */
  readonly items: Int32Array;
  /** Features of the views in this build and of views from modules. */
  readonly features: readonly InputFeature[];
  /** Ms of the world's clock; absent: now. */
  readonly now?: number;
};

export type ColumnsAnswer = {
  /** The moment that the features are of, ms of the world's clock. */
  readonly ts: number;
  /** In the order of the features, each of as many values as there are items. */
  readonly columns: readonly FeatureColumn[];
};

type ReaderParts = {
  readonly views: ViewStore;
  readonly online: OnlineViews;
  readonly clock: Clock;
};

const noContext: InteractionContext = { device: null, country: null, language: null };

/**
 * Features online: of a user, of items, of the user with each of them, and of the moment, all in one read of the view
 * store. What a view's `finish` makes here is what it makes in a training row of the same moment.
 */
export class FeatureReader {
  readonly #parts: ReaderParts;
  #itemColumns: ItemColumns | undefined;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /** The features that `read` would have at that moment, column by column. Errors: InputError MR_FEATURES_UNKNOWN_VIEW; those of ViewStore. */
  async columns({ user, items, features, now }: ColumnsQuery): Promise<ColumnsAnswer> {
    const { views, online } = this.#parts;
    const viewOf = (name: string) => online.ofProduct(name);
    this.#itemColumns ??= new ItemColumns(views, {
      [itemFeaturesView.name]: viewOf(itemFeaturesView.name).kept,
      [itemProfileView.name]: viewOf(itemProfileView.name).kept,
    });
    const itemColumns = this.#itemColumns;
    const wanted = new FeatureColumns({ user, items }, features, {
      itemColumns,
      viewOf,
      now: now ?? this.#now(),
    });
    const { keys, pairs } = wanted;
    const stored = keys.length + pairs.length === 0 ? [] : await views.rows(keys, pairs);
    const ts = now ?? this.#now();
    return { ts, columns: wanted.finish(stored, { now: ts, ranks: views.ranks }) };
  }

  /**
   * Errors: InputError MR_FEATURES_UNKNOWN_VIEW; MR_FEATURES_ENTITY where nothing is named, or not what a view's rows are
   * of; MR_FEATURES_REQUEST for an id that is none, for no view, and for no or more than 1,000 items; those of ViewStore.
   */
  async read(query: FeatureQuery): Promise<FeatureAnswer> {
    const { user, items } = query;
    const views = fittingViews(query, this.#parts.online);
    const ofUser = views.filter(({ entity }) => entity === 'user');
    const ofItems = views.filter(({ entity }) => entity !== 'user');
    const wantsContext = query.views?.includes(CONTEXT) ?? query.context !== undefined;

    const wanted = new WantedRows();
    const userPlaces = ofUser.map((view) => wanted.place(view, user));
    const itemPlaces = items?.map((item) => ofItems.map((view) => this.#itemPlace(wanted, view, user, item)));
    const sessionPlace =
      wantsContext && user !== undefined
        ? wanted.place(this.#parts.online.ofProduct(userFeaturesView.name), user)
        : null;

    const stored = await this.#parts.views.rows(wanted.keys);
    const now = query.now ?? this.#now();
    const rows = wanted.read(stored, { now, ranks: this.#parts.views.ranks });
    const byView = (of: readonly OnlineView[], places: readonly (number | null)[]): RowsByView =>
      Object.fromEntries(of.map(({ name }, i) => [name, rowAt(rows, places[i])]));
    const context = () => {
      const position = rowAt(rows, sessionPlace)?.features.session_position;
      return contextFeatures({ ts: now, context: query.context ?? noContext }, Number(position ?? 0));
    };
    return {
      ts: now,
      ...(user !== undefined && { user: byView(ofUser, userPlaces) }),
      ...(itemPlaces && { items: itemPlaces.map((places) => byView(ofItems, places)) }),
      ...(wantsContext && { context: context() }),
    };
  }

  #itemPlace(
    wanted: WantedRows,
    view: OnlineView,
    user: string | null | undefined,
    item: string,
  ): number | null {
    if (view.entity === 'item') return wanted.place(view, item);
    const other = view.entity === 'user-item' ? item : this.#categoryOf(item);
    if (other === undefined) return null;
    return wanted.place(view, typeof user === 'string' ? crossKey(user, other) : null);
  }

  #categoryOf(item: string): string | undefined {
    const known = this.#parts.views.item(item);
    return known && (itemProfileView.finish(known, 0).category ?? undefined);
  }

  #now(): number {
    return worldNow({ watermark: this.#parts.views.watermark, wallNow: this.#parts.clock.now() });
  }
}

function rowAt(rows: readonly FeatureRow[], place: number | null | undefined): FeatureRow | null {
  return place === null || place === undefined ? null : (rows[place] ?? null);
}
