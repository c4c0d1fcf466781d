import {
  type AnyView,
  type Entity,
  type FeatureReading,
  type FeatureView,
  featureViews,
  type ItemState,
  itemFeaturesView,
  popularityBucket,
  recordViews,
  versionedName,
} from '#features';
import { ConfigurationError, type Counter, InputError, invariant, type Metrics } from '#platform';
import { type PublishedRanks, RANK_TTL_MS } from '#processors';
import type { FeatureViewStatus, FeatureViewVersion } from '#schemas';
import type { LastingView } from './kept-rows.ts';

/** Ms by `<view>.<feature>`: how old a row may be before the feature falls back to its default. */
export type FeatureTtls = { readonly [viewAndFeature: string]: number };

/** The features of a row, and how far they can be trusted. */
export type FeatureRow = {
  readonly features: Readonly<Record<string, unknown>>;
  /** Whether there is a row. Where there is none, the features are those of an entity of which nothing is known. */
  readonly found: boolean;
  /** From the newest event in the row, or the publication of ranks, to now, ms of the world's clock; null for records. */
  readonly freshness_ms: number | null;
  /** Features at their default because the row had grown too old for them. */
  readonly expired: readonly string[];
};

/** What features depend on beside their row. */
export type Moment = {
  /** Ms of the world's clock. */
  readonly now: number;
  readonly ranks: PublishedRanks | undefined;
};

export type OnlineView = {
  readonly name: string;
  readonly entity: Entity;
  /** The view whose rows are read, as view stores name it. */
  readonly rowsOf: string;
  /** `row` is what a view store gives. */
  read(row: unknown, moment: Moment): FeatureRow;
  /** How its rows may be kept; absent where they are finished for each reading. */
  readonly kept?: LastingView;
  /** Counts rows that were not there, for who keeps them. */
  countMissing(rows: number): void;
};

/** Where an item stands among all by its decayed popularity, from 0 to 1: no view of one item can know that. */
const POPULARITY_RANK = 'popularity-rank';
const RANK_TTL = `${POPULARITY_RANK}.popularity_rank`;

/** A version of a view of events. */
type Held = { readonly view: AnyView; readonly rowsOf: string; readonly isOfProduct: boolean };

/**
 * The views as they are read online: with the ttls of the configuration, and what expires or is missing counted. A name
 * is answered by the version of it that is live: `note` is told of every record of topic `feature-views`. The others can be
 * read by name and version once they are built, until they are dropped.
 */
export class OnlineViews {
  readonly #held: ReadonlyMap<string, Held>;
  readonly #written = new Map<string, FeatureViewVersion>();
  readonly #others: readonly OnlineView[];
  #answering: ReadonlyMap<string, OnlineView> = new Map();
  readonly #expired: Counter<'view' | 'feature'>;
  readonly #missing: Counter<'view'>;

  /** Errors: ConfigurationError MR_FEATURES_TTL for a ttl of a view or feature that there is not. */
  constructor(ttlMs: FeatureTtls, metrics: Metrics, modules: readonly AnyView[] = []) {
    const expiredHelp = 'Features read at their default because their row was too old.';
    this.#expired = metrics.counter('feature_expired_total', expiredHelp, ['view', 'feature']);
    const missingHelp = 'Missing feature rows, by view.';
    this.#missing = metrics.counter('feature_missing_total', missingHelp, ['view']);
    const { [RANK_TTL]: rankTtlMs = RANK_TTL_MS, ...ofViews } = ttlMs;
    const ttls = ttlsByView(ofViews, [...featureViews, ...modules]);
    const hold = (view: AnyView, isOfProduct: boolean): readonly [string, Held] => {
      const id = versionedName(view);
      const own = Object.entries(ttls.get(view.name) ?? {}).filter(([feature]) => hasFeature(view, feature));
      const read = view.withFeatureTtls(Object.fromEntries(own));
      // Its declaration with the ttls of the configuration is another: rows do not depend on them.
      const { declaration } = view;
      return [id, { view: { ...read, declaration }, rowsOf: isOfProduct ? view.name : id, isOfProduct }];
    };
    this.#held = new Map([
      ...featureViews.map((view) => hold(view, true)),
      ...modules.map((view) => hold(view, false)),
    ]);
    this.#others = [...recordViews.map((view) => this.#recordView(view)), this.#popularityRank(rankTtlMs)];
    this.#arrange();
  }

  /** What topic `feature-views` says of a version, by its key. */
  note(key: string, written: FeatureViewVersion | null): void {
    if (written === null) this.#written.delete(key);
    else this.#written.set(key, written);
    this.#arrange();
  }

  /** The live version of each name. */
  get all(): readonly OnlineView[] {
    return [...this.#answering.values()];
  }

  /** By its name, or by name and version. Errors: InputError MR_FEATURES_UNKNOWN_VIEW for what cannot be read. */
  named(name: string): OnlineView {
    const view = this.#answering.get(name) ?? this.#version(name);
    if (view !== undefined) return view;
    throw new InputError('MR_FEATURES_UNKNOWN_VIEW', `There is no view ${JSON.stringify(name)}.`, {
      hint: `There are: ${[...this.#answering.keys()].join(', ')}. One that is being built can be read once it is live.`,
    });
  }

  /** A view of the product in the version that this build has, whichever is live. Errors: those of `named`. */
  ofProduct(name: string): OnlineView {
    const held = [...this.#held.values()].find((each) => each.isOfProduct && each.view.name === name);
    return held === undefined ? this.named(name) : this.#eventsView(name, held);
  }

  /** A state of one view, read as that view is read online. */
  read<State, Row>(of: FeatureView<State, Row>, state: State, now: number): FeatureReading<Row> {
    const view = this.#held.get(versionedName(of))?.view;
    invariant(view !== undefined, 'the view is one of those that are read online');
    const reading: FeatureReading<Row> = view.read(state, now);
    for (const feature of reading.expired) this.#expired.inc({ view: of.name, feature });
    return reading;
  }

  #arrange(): void {
    const names = new Set([...this.#held.values()].map(({ view }) => view.name));
    const ofEvents = [...names].flatMap((name) => {
      const versions = [...this.#held.values()].filter(({ view }) => view.name === name);
      versions.sort((a, b) => b.view.version - a.view.version);
      const newest = (status: FeatureViewStatus) => versions.find((held) => this.#statusOf(held) === status);
      // One that is retired is kept up: it answers where its successor is declared no more.
      const held = newest('live') ?? versions.find(({ isOfProduct }) => isOfProduct) ?? newest('retired');
      return held === undefined ? [] : [this.#eventsView(name, held)];
    });
    this.#answering = new Map([...ofEvents, ...this.#others].map((view) => [view.name, view]));
  }

  #version(name: string): OnlineView | undefined {
    const held = this.#held.get(name);
    if (held === undefined) return undefined;
    const status = this.#statusOf(held);
    const isBuilt = held.isOfProduct || status === 'live' || status === 'retired';
    return isBuilt ? this.#eventsView(name, held) : undefined;
  }

  /** Undefined too where the rows were made by another declaration than this process has. */
  #statusOf({ view }: Held): FeatureViewStatus | undefined {
    const written = this.#written.get(versionedName(view));
    return written?.declaration === view.declaration ? written.status : undefined;
  }

  #eventsView(name: string, { view, rowsOf }: Held): OnlineView {
    const { entity, columns, lasting } = view;
    const stateOf = (row: unknown) => row ?? view.empty();
    return {
      name,
      entity,
      rowsOf,
      ...this.#counting(view.name),
      ...(lasting && { kept: { columns, lasting, stateOf, finish: view.finish } }),
      read: (row, { now }) => {
        const found = this.#isFound(view.name, row);
        const { row: features, updated, expired } = this.read(view, row ?? view.empty(), now);
        return { features, found, freshness_ms: age(updated, now), expired };
      },
    };
  }

  #recordView({ name, entity, finish, columns, lasting }: (typeof recordViews)[number]): OnlineView {
    const features = finish as (record: unknown, now: number) => FeatureRow['features'];
    const stateOf = (row: unknown) => row ?? null;
    return {
      name,
      entity,
      rowsOf: name,
      ...this.#counting(name),
      kept: { columns, lasting: lasting as LastingView['lasting'], stateOf, finish: features },
      read: (row, { now }) => {
        const found = this.#isFound(name, row);
        return { features: features(row ?? null, now), found, freshness_ms: null, expired: [] };
      },
    };
  }

  /** As examples have it: null before ranks were published, 0 for an item without a positive event. */
  #popularityRank(ttlMs: number): OnlineView {
    return {
      name: POPULARITY_RANK,
      entity: 'item',
      rowsOf: itemFeaturesView.name,
      ...this.#counting(POPULARITY_RANK),
      read: (row, { now, ranks }) => {
        const bucket = row === undefined ? null : popularityBucket(row as ItemState);
        const ageMs = age(ranks?.ts ?? null, now);
        const isExpired = ageMs !== null && ageMs > ttlMs;
        if (isExpired) this.#expired.inc({ view: POPULARITY_RANK, feature: 'popularity_rank' });
        const rank = bucket === null ? 0 : ranks?.histogram.percentile(bucket);
        return {
          features: { popularity_rank: ranks === undefined || isExpired ? null : rank },
          found: this.#isFound(POPULARITY_RANK, ranks),
          freshness_ms: ageMs,
          expired: isExpired ? ['popularity_rank'] : [],
        };
      },
    };
  }

  #counting(view: string): Pick<OnlineView, 'countMissing'> {
    return { countMissing: (rows) => rows > 0 && this.#missing.inc({ view }, rows) };
  }

  #isFound(view: string, row: unknown): boolean {
    if (row === undefined) this.#missing.inc({ view });
    return row !== undefined;
  }
}

/** Ms since; 0 for an event that is ahead of the world's clock by as much as admission lets through. */
function age(updated: number | null, now: number): number | null {
  return updated === null ? null : Math.max(0, now - updated);
}

function hasFeature(view: AnyView, feature: string): boolean {
  return view.columns.some(({ name }) => name === feature);
}

function ttlsByView(ttlMs: FeatureTtls, views: readonly AnyView[]): Map<string, Record<string, number>> {
  const byView = new Map<string, Record<string, number>>();
  for (const [name, ms] of Object.entries(ttlMs)) {
    const [viewName = '', feature = ''] = name.split('.');
    const versions = views.filter((each) => each.name === viewName);
    if (versions.length === 0) {
      throw ttlError(
        `Option features.ttlMs names ${JSON.stringify(name)}, but no view of events has that name.`,
        {
          known: [RANK_TTL, ...views.map((each) => `${each.name}.<feature>`)],
        },
      );
    }
    if (!versions.some((view) => hasFeature(view, feature))) {
      throw ttlError(
        `Option features.ttlMs names ${JSON.stringify(name)}, but ${viewName} has no such feature.`,
        {
          known: versions.flatMap(({ columns }) => columns.map((column) => `${viewName}.${column.name}`)),
        },
      );
    }
    byView.set(viewName, { ...byView.get(viewName), [feature]: ms });
  }
  return byView;
}

function ttlError(message: string, { known }: { readonly known: readonly string[] }): ConfigurationError {
  return new ConfigurationError('MR_FEATURES_TTL', message, { hint: `It may name ${known.join(', ')}.` });
}
