import {
  type Clock,
  type Counter,
  FatalError,
  type Histogram,
  hashUser,
  type Logger,
  type Metrics,
} from '#platform';
import type { CandidateSource } from '#schemas';
import { bitOf, byScore, Candidate } from './candidates/candidate.ts';
import type { CatalogueRankings } from './candidates/catalogue-rankings.ts';
import { CandidateFinder } from './candidates/find-candidates.ts';
import type { Dropped } from './candidates/gather.ts';
import type { SegmentRankings } from './candidates/segment-rankings.ts';
import { otherSources } from './candidates/sources.ts';
import { type Degradations, DegradedAnswers, isAway, NO_VERSION, OUT_OF_TIME } from './degradations.ts';
import type { FeatureReader } from './features/feature-reader.ts';
import type { OnlineViews } from './features/online-views.ts';
import type { RecommendingOptions } from './options.ts';
import type { OrderStep } from './order/port.ts';
import { orderSteps } from './order/steps.ts';
import type { AnswerRequest, RecommendRequest } from './request.ts';
import { Requests } from './requests.ts';
import type { Judgement, ServedRanker } from './versions/served-ranker.ts';
import type { ServedVersion } from './versions/served-version.ts';
import type { VersionsFollower } from './versions/versions-follower.ts';
import { itemIdOf, knownItem } from './view-store/item-numbers.ts';
import type { ViewStore } from './view-store/port.ts';

export type RecommendedItem = {
  readonly item_id: string;
  readonly title: string;
  /** By the ranker; without one by the version that found it. Of what neither scored: by what found it, on its own scale. */
  readonly score: number;
  readonly source: CandidateSource;
  /** Probability with which it was put in its place. */
  readonly propensity: number;
};

/** What is to be shown, and what it was chosen from. */
export type Selection = {
  /** The version that found candidates, and the one that ranked them; null where none did. */
  readonly version: string | null;
  readonly ranker: string | null;
  /** The code of the first thing that was missing; null where nothing was. */
  readonly degraded: string | null;
  /** In the order to be shown, and their numbers. */
  readonly items: readonly RecommendedItem[];
  readonly shown: readonly number[];
  /** Best first. */
  readonly candidates: readonly Candidate[];
  readonly dropped: readonly Dropped[];
  /** Null where no ranker scored them. */
  readonly judged: Judged | null;
};

/** What a ranker read of the items that it scored. */
export type Judged = Pick<Judgement, 'ts' | 'columns'> & {
  /** Their numbers, in the order of the columns' values. */
  readonly items: Int32Array;
};

type Ranked = { readonly scored: readonly Candidate[]; readonly judged: Judged };

/** Given items in an order, and those that have no place in it. */
export type Ranking = Pick<Selection, 'version' | 'ranker' | 'degraded'> & {
  /** Best first. */
  readonly items: readonly { readonly item_id: string; readonly score: number }[];
  readonly unranked: readonly { readonly item_id: string; readonly reason: UnrankedReason }[];
};

/** Not in the catalogue; not available; scored by nothing that is in force, for this user. */
type UnrankedReason = 'unknown' | 'unavailable' | 'unscored';

/** Items found for each one shown, where steps of the order choose among them without a ranker. */
const FOUND_FOR_ONE = 5;
/** And beside them, for what a step draws from. */
const FOUND_BESIDE = 20;

type Stage = 'request' | 'candidates' | 'ranking' | 'order';

export type RecommenderParts = {
  readonly views: ViewStore;
  readonly online: OnlineViews;
  readonly features: FeatureReader;
  readonly versions: VersionsFollower;
  readonly rankings: CatalogueRankings;
  readonly segments: SegmentRankings;
  readonly options: RecommendingOptions;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

/**
 * Chooses items in four stages: candidates from sources side by side, filters, a ranker's scores, and the order in which
 * they are shown. Users of whom nothing is known, and those who have opted out, whom a version may still know, get what
 * fills up. Where a part is missing, fails or takes too long, the answer is made from what remains, and says so.
 */
export class Recommender {
  readonly #parts: RecommenderParts;
  readonly #requests: Requests;
  readonly #candidates: CandidateFinder;
  readonly #steps: readonly OrderStep[];
  readonly #degraded: DegradedAnswers;
  readonly #items: Counter<'source'>;
  readonly #stages: Histogram<'stage'>;

  constructor(parts: RecommenderParts) {
    this.#parts = parts;
    const { views, online, clock, rankings, segments, versions, options, logger, metrics } = parts;
    this.#requests = new Requests({ views, online, clock, assumedAge: options.assumedAge });
    this.#candidates = new CandidateFinder({
      sources: otherSources({ rankings, segments, versions }),
      logger,
      metrics,
    });
    this.#steps = orderSteps(options);
    this.#degraded = new DegradedAnswers(metrics);
    this.#items = metrics.counter('recommended_items_total', 'Items in answers, by source.', ['source']);
    this.#stages = metrics.histogram('recommend_stage_ms', 'Time of a stage of an answer, ms.', ['stage']);
  }

  async select(asked: AnswerRequest): Promise<Selection> {
    const degradations = this.#degraded.begin();
    // Held from the start, so that vectors, index and the version named are of one version whatever is swapped.
    const version = this.#parts.versions.acquire();
    const ranker = this.#parts.versions.acquireRanker();
    try {
      const request = await this.#timed('request', () => this.#requests.open(asked, degradations));
      // Rows that are away come first: they are a fault, and a version that is not there yet is none.
      if (version === undefined) degradations.note(NO_VERSION);
      // What ranks learned from users' rows.
      const ranking = request.userId === '' ? undefined : ranker;
      const most = Math.max(FOUND_FOR_ONE * asked.k, asked.k + FOUND_BESIDE);
      const toOrder = this.#steps.length === 0 ? asked.k : most;
      const toRank = ranking && Math.max(this.#parts.options.candidates, asked.k);
      const found = await this.#timed('candidates', () =>
        this.#candidates.find(request, { version, toRank, toOrder }, degradations),
      );
      const ranked = await this.#timed('ranking', () =>
        this.#ranked(ranking, request, found.candidates, degradations),
      );
      const scored = ranked?.scored ?? scoredByIndex(found.candidates);
      const ordered = await this.#timed('order', async () => this.#ordered(scored, request, version));
      const placed = ordered.slice(0, asked.k);
      const items = placed.map((candidate) => this.#describe(candidate));
      const made = {
        version: request.isRead ? (version?.id ?? null) : null,
        ranker: ranked && ranker ? ranker.id : null,
      };
      // What is missing from an answer says nothing of a version.
      if (degradations.first === null) this.#parts.versions.observe({ request, candidates: scored, ...made });
      for (const [source, count] of countsOf(items)) this.#items.inc({ source }, count);
      return {
        ...made,
        degraded: degradations.first,
        items,
        shown: placed.map(({ item }) => item),
        candidates: scored,
        dropped: found.dropped,
        judged: ranked?.judged ?? null,
      };
    } finally {
      version?.release();
      ranker?.release();
    }
  }

  /** Orders items for a user: by the ranker in force, else by the scores of the version in use. */
  async rank(asked: Omit<AnswerRequest, 'k'>, itemIds: readonly string[]): Promise<Ranking> {
    const degradations = this.#degraded.begin();
    const version = this.#parts.versions.acquire();
    const ranker = this.#parts.versions.acquireRanker();
    try {
      if (version === undefined && ranker === undefined) degradations.note(NO_VERSION);
      const request = await this.#requests.open({ ...asked, k: itemIds.length }, degradations);
      const { views } = this.#parts;
      const unranked = new Map<string, UnrankedReason>();
      const rankable: Candidate[] = [];
      for (const itemId of new Set(itemIds)) {
        const item = knownItem(itemId);
        const own = item === undefined ? undefined : views.facts.classOf(item);
        if (item !== undefined && own?.available) rankable.push(new Candidate(item, 0, 0));
        unranked.set(itemId, own === undefined ? 'unknown' : own.available ? 'unscored' : 'unavailable');
      }
      const ranked = await this.#ranked(ranker, request, rankable, degradations);
      const ordered = ranked?.scored ?? (await this.#scored(version, request, rankable, degradations));
      for (const { itemId } of ordered) unranked.delete(itemId);
      return {
        version: version?.id ?? null,
        ranker: ranked && ranker ? ranker.id : null,
        degraded: degradations.first,
        items: ordered.map(({ itemId, score }) => ({ item_id: itemId, score })),
        unranked: Array.from(unranked, ([item_id, reason]) => ({ item_id, reason })),
      };
    } finally {
      version?.release();
      ranker?.release();
    }
  }

  /** Best first. Undefined where nothing is ranked, the ranker fails or takes too long, or the rows that it reads are out of reach. */
  async #ranked(
    ranker: ServedRanker | undefined,
    { userId, recentItems, recentNumbers, profile, moment, deadline }: RecommendRequest,
    candidates: readonly Candidate[],
    degradations: Degradations,
  ): Promise<Ranked | undefined> {
    if (ranker === undefined || candidates.length === 0) return undefined;
    const asking = { user: userId, recentItems, recentNumbers, profile, context: moment };
    const items = new Int32Array(candidates.length);
    for (let i = 0; i < items.length; i++) items[i] = (candidates[i] as Candidate).item;
    try {
      const judging = await deadline.race(ranker.judge(this.#parts.features, asking, items));
      if (judging.inTime) {
        const { ts, columns, scores } = judging.value;
        for (let i = 0; i < candidates.length; i++) (candidates[i] as Candidate).score = scores[i] as number;
        return { scored: candidates.toSorted(byScore), judged: { ts, columns, items } };
      }
      degradations.note(OUT_OF_TIME);
    } catch (err) {
      if (isAway(err)) degradations.note(err.code);
      else if (err instanceof FatalError) {
        degradations.noteFailure(err, {
          logger: this.#parts.logger,
          about: { version: ranker.id },
          message: 'a ranker failed; answering in the order of the index',
        });
      } else throw err;
    }
    return undefined;
  }

  /** By the version in use, best first, without those that it does not score. */
  async #scored(
    version: ServedVersion | undefined,
    { userId, recentItems, recentNumbers, profile, moment }: RecommendRequest,
    candidates: readonly Candidate[],
    degradations: Degradations,
  ): Promise<readonly Candidate[]> {
    if (version === undefined || (recentItems.length === 0 && !version.knows(userId))) return [];
    try {
      const user = { userId, profile, context: moment, recentItems, recentNumbers };
      const byItem = new Map(candidates.map((candidate) => [candidate.item, candidate]));
      const scored = await version.score(user, [...byItem.keys()]);
      return scored
        .map(({ item, score }) => {
          const candidate = byItem.get(item) as Candidate;
          candidate.score = score;
          return candidate;
        })
        .sort(byScore);
    } catch (err) {
      if (!(err instanceof FatalError)) throw err;
      degradations.noteFailure(err, {
        logger: this.#parts.logger,
        about: { version: version.id, user: hashUser(userId) },
        message: 'a version failed over items',
      });
      return [];
    }
  }

  #ordered(
    scored: readonly Candidate[],
    request: RecommendRequest,
    version: ServedVersion | undefined,
  ): readonly Candidate[] {
    const { facts } = this.#parts.views;
    const context = { request, facts, vectors: version?.vectors };
    return this.#steps.reduce((list, step) => step(list, context), scored);
  }

  #describe(candidate: Candidate): RecommendedItem {
    const { item, sourceScore, scoreOrNull, propensity, isPromoted } = candidate;
    return {
      item_id: itemIdOf(item),
      title: this.#parts.views.title(item),
      score: scoreOrNull ?? sourceScore,
      source: isPromoted ? 'promoted' : (candidate.source ?? 'index'),
      propensity,
    };
  }

  async #timed<T>(stage: Stage, run: () => Promise<T>): Promise<T> {
    const { clock } = this.#parts;
    const startMs = clock.monotonic();
    try {
      return await run();
    } finally {
      this.#stages.observe({ stage }, clock.monotonic() - startMs);
    }
  }
}

function countsOf(items: readonly RecommendedItem[]): ReadonlyMap<CandidateSource, number> {
  const counts = new Map<CandidateSource, number>();
  for (const { source } of items) counts.set(source, (counts.get(source) ?? 0) + 1);
  return counts;
}

/** Without a ranker, the index scores what it finds; nothing does the rest. */
function scoredByIndex(candidates: readonly Candidate[]): readonly Candidate[] {
  const index = bitOf('index');
  for (const candidate of candidates) {
    if ((candidate.foundBy & index) !== 0) candidate.score = candidate.sourceScore;
  }
  return candidates;
}
