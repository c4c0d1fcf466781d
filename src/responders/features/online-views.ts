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
} from '#features';
import { ConfigurationError, type Counter, InputError, invariant, type Metrics } from '#platform';
import type { PublishedRanks } from '#processors';

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
  /** The view whose rows are read. */
  readonly rowsOf: string;
  /** `row` is what a view store gives. */
  read(row: unknown, moment: Moment): FeatureRow;
};

/** Where an item stands among all by its decayed popularity, from 0 to 1: no view of one item can know that. */
const POPULARITY_RANK = 'popularity-rank';
/** Ranks that were published longer ago than this are nobody's: all items would stand where they no longer do. */
const RANK_TTL_MS = 6 * 3_600_000;
const RANK_TTL = `${POPULARITY_RANK}.popularity_rank`;

/** The views as they are read online: with the ttls of the configuration, and what expires or is missing counted. */
export class OnlineViews {
  readonly #views: ReadonlyMap<string, OnlineView>;
  readonly #ofEvents: ReadonlyMap<string, AnyView>;
  readonly #expired: Counter<'view' | 'feature'>;
  readonly #missing: Counter<'view'>;

  /** Errors: ConfigurationError MR_FEATURES_TTL for a ttl of a view or feature that there is not. */
  constructor(ttlMs: FeatureTtls, metrics: Metrics) {
    const expiredHelp = 'Features read at their default because their row had grown too old.';
    this.#expired = metrics.counter('feature_expired_total', expiredHelp, ['view', 'feature']);
    const missingHelp = 'Rows of features read that were not there, by view.';
    this.#missing = metrics.counter('feature_missing_total', missingHelp, ['view']);
    const { [RANK_TTL]: rankTtlMs = RANK_TTL_MS, ...ofViews } = ttlMs;
    const ttls = ttlsByView(ofViews);
    const ofEvents = featureViews.map((view): AnyView => view.withFeatureTtls(ttls.get(view.name) ?? {}));
    this.#ofEvents = new Map(ofEvents.map((view) => [view.name, view]));
    const views: OnlineView[] = [
      ...ofEvents.map((view) => this.#eventsView(view)),
      ...recordViews.map((view) => this.#recordView(view)),
      this.#popularityRank(rankTtlMs),
    ];
    this.#views = new Map(views.map((view) => [view.name, view]));
  }

  get all(): readonly OnlineView[] {
    return [...this.#views.values()];
  }

  /** Errors: InputError MR_FEATURES_UNKNOWN_VIEW for a name that no view has. */
  named(name: string): OnlineView {
    const view = this.#views.get(name);
    if (view !== undefined) return view;
    throw new InputError('MR_FEATURES_UNKNOWN_VIEW', `There is no view ${JSON.stringify(name)}.`, {
      hint: `There are: ${[...this.#views.keys()].join(', ')}.`,
    });
  }

  /** A state of one view, read as that view is read online. */
  read<State, Row>({ name }: FeatureView<State, Row>, state: State, now: number): FeatureReading<Row> {
    const view = this.#ofEvents.get(name);
    invariant(view !== undefined, 'the view is one of the catalogue');
    const reading: FeatureReading<Row> = view.read(state, now);
    for (const feature of reading.expired) this.#expired.inc({ view: name, feature });
    return reading;
  }

  #eventsView(view: AnyView): OnlineView {
    const { name, entity } = view;
    return {
      name,
      entity,
      rowsOf: name,
      read: (row, { now }) => {
        const found = this.#isFound(name, row);
        const { row: features, updated, expired } = this.read(view, row ?? view.empty(), now);
        return { features, found, freshness_ms: age(updated, now), expired };
      },
    };
  }

  #recordView({ name, entity, finish }: (typeof recordViews)[number]): OnlineView {
    const features = finish as (record: unknown, now: number) => FeatureRow['features'];
    return {
      name,
      entity,
      rowsOf: name,
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

  #isFound(view: string, row: unknown): boolean {
    if (row === undefined) this.#missing.inc({ view });
    return row !== undefined;
  }
}

/** Ms since; 0 for an event that is ahead of the world's clock by as much as admission lets through. */
function age(updated: number | null, now: number): number | null {
  return updated === null ? null : Math.max(0, now - updated);
}

function ttlsByView(ttlMs: FeatureTtls): Map<string, Record<string, number>> {
  const byView = new Map<string, Record<string, number>>();
  for (const [name, ms] of Object.entries(ttlMs)) {
    const [viewName = '', feature = ''] = name.split('.');
    const view = featureViews.find((each) => each.name === viewName);
    if (view === undefined) {
      throw ttlError(
        `Option features.ttlMs names ${JSON.stringify(name)}, and no view of events has that name.`,
        {
          known: [RANK_TTL, ...featureViews.map((each) => `${each.name}.<feature>`)],
        },
      );
    }
    if (!view.columns.some((column) => column.name === feature)) {
      throw ttlError(
        `Option features.ttlMs names ${JSON.stringify(name)}, and ${viewName} has no such feature.`,
        {
          known: view.columns.map((column) => `${viewName}.${column.name}`),
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
