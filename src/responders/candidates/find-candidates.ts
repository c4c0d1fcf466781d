import { type Counter, FatalError, hashUser, type Logger, type Metrics } from '#platform';
import { type Degradations, OUT_OF_TIME } from '../degradations.ts';
import type { RecommendRequest } from '../request.ts';
import type { ServedVersion } from '../versions/served-version.ts';
import { sourceOf } from './candidate.ts';
import { Gathering } from './gather.ts';
import type { Found, Source } from './port.ts';

/** Part of the time that is left for finding candidates. */
const SHARE = 0.6;

type Parts = {
  readonly sources: readonly Source[];
  readonly logger: Logger;
  readonly metrics: Metrics;
};

type Wanted = {
  readonly version: ServedVersion | undefined;
  /** Candidates to be ranked; undefined where nothing ranks them, and the index alone decides who goes first. */
  readonly toRank: number | undefined;
  /** Items that are to be found where nothing ranks them: those shown, and those that steps of the order choose among. */
  readonly toOrder: number;
};

/**
 * The first two stages: candidates from all sources, without what the request's filter refuses. The index applies the filter
 * before it scores; of other sources what is refused is counted. Where nothing ranks what is found, the others only fill up:
 * the index has already found the best by its own scores.
 */
export class CandidateFinder {
  readonly #parts: Parts;
  readonly #found: Counter<'source'>;
  readonly #dropped: Counter<'filter'>;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { metrics } = parts;
    this.#found = metrics.counter('recommend_candidates_total', 'Candidates, by what found them first.', [
      'source',
    ]);
    const help = 'Candidates taken out after they were found, by filter.';
    this.#dropped = metrics.counter('recommend_filtered_total', help, ['filter']);
  }

  async find(request: RecommendRequest, wanted: Wanted, degradations: Degradations): Promise<Gathering> {
    const { toRank, toOrder, version } = wanted;
    const gathering = new Gathering(request);
    const others = toRank === undefined ? [] : await this.#askOthers(request, toRank, degradations);
    const taken = others.reduce((sum, { quota, found }) => sum + sizeWithin(quota, found), 0);
    const quota = toRank === undefined ? toOrder : Math.max(toRank - taken, request.k);
    const best = version === undefined ? [] : await this.#askIndex(version, request, quota, degradations);
    gathering.add({ source: 'index', found: best, quota, isFiltered: true });
    for (const harvest of others) gathering.add(harvest);
    // What is ranked stays within its bound.
    const enough = Math.min(toOrder, toRank ?? toOrder);
    for (const source of this.#parts.sources) {
      if (gathering.size >= enough) break;
      if (!source.fillsUp) continue;
      const filling = await this.#ask(source, request, enough, degradations);
      gathering.fillUp({ source: source.name, found: filling, quota: enough });
    }
    this.#count(gathering);
    return gathering;
  }

  #count({ candidates, dropped }: Gathering): void {
    const found = new Map<number, number>();
    for (const { foundBy } of candidates) {
      const first = foundBy & -foundBy;
      found.set(first, (found.get(first) ?? 0) + 1);
    }
    for (const [bit, count] of found) this.#found.inc({ source: sourceOf(bit) ?? 'index' }, count);
    for (const { refusal } of dropped) this.#dropped.inc({ filter: refusal });
  }

  #askOthers(request: RecommendRequest, toRank: number, degradations: Degradations) {
    return Promise.all(
      this.#parts.sources.map(async (source) => {
        const quota = Math.ceil(toRank * source.share);
        return { source: source.name, found: await this.#ask(source, request, quota, degradations), quota };
      }),
    );
  }

  /** None where the source fails or takes too long. */
  async #ask(
    source: Source,
    request: RecommendRequest,
    quota: number,
    degradations: Degradations,
  ): Promise<Iterable<Found>> {
    try {
      const finding = source.find(request, quota);
      if (!(finding instanceof Promise)) return finding;
      const found = await request.deadline.share(SHARE).race(finding);
      if (found.inTime) return found.value;
      degradations.note(OUT_OF_TIME);
    } catch (err) {
      if (!(err instanceof FatalError)) throw err;
      degradations.note(err.code);
      this.#parts.logger.error({ err, source: source.name }, 'a source of candidates failed');
    }
    return [];
  }

  /** None for a user of whom the version knows nothing, where it fails, and where it takes too long. */
  async #askIndex(
    version: ServedVersion,
    { userId, profile, moment, recentItems, recentNumbers, filter, deadline }: RecommendRequest,
    k: number,
    degradations: Degradations,
  ): Promise<readonly Found[]> {
    if (recentItems.length === 0 && !version.knows(userId)) return [];
    try {
      const user = { userId, profile, context: moment, recentItems, recentNumbers };
      const query = { ...user, exclusion: filter.exclusion, k };
      const found = await deadline.share(SHARE).race(version.recommend(query));
      if (found.inTime) return found.value;
      degradations.note(OUT_OF_TIME);
    } catch (err) {
      if (!(err instanceof FatalError)) throw err;
      degradations.noteFailure(err, {
        logger: this.#parts.logger,
        about: { version: version.id, user: hashUser(userId) },
        message: 'a version failed; answering with what is left',
      });
    }
    return [];
  }
}

function sizeWithin(quota: number, found: Iterable<Found>): number {
  return Array.isArray(found) ? Math.min(quota, found.length) : quota;
}
