import { type Clock, type Counter, Deadline, type Metrics, type RetryableError } from '#platform';
import type { Ranking, Recommender, Selection } from '../recommender.ts';
import type { AnswerRequest } from '../request.ts';
import type { VersionsFollower } from '../versions/versions-follower.ts';
import type { ViewStore } from '../view-store/port.ts';
import { Admission } from './admission.ts';
import { AnswerCache, type Origin } from './answer-cache.ts';

/** Part of its time that an answer may be made in: the rest is for sending it. */
const MAKING_SHARE = 0.9;
/** Part of its time for which an answer in the making is still waited for when its time is up. */
const GRACE_SHARE = 0.5;
/** Answers of one batch that take turns with those of others. */
const BATCH_LANES = 8;

export type ServingOptions = {
  /** Answers made at a time. */
  readonly concurrency: number;
  /** For how long answers are repeated, ms. */
  readonly cacheMs: number;
};

type Parts = {
  readonly recommender: Recommender;
  readonly views: ViewStore;
  readonly versions: VersionsFollower;
  readonly options: ServingOptions;
  readonly clock: Clock;
  readonly metrics: Metrics;
};

/** What becomes of a request: whether its answer is being made. */
type Turn = { isBegun: boolean };

type Grounds = Pick<Selection, 'shown' | 'candidates' | 'dropped' | 'judged'>;

/** A selection without what it was made from: that is logged once. */
type Repeated = Omit<Selection, keyof Grounds>;

export type ServedSelection = Selection & { readonly cached: boolean };

/**
 * What stands between requests and the stages that make answers: as many are let in as can be answered in time, equal ones
 * are answered once, and an answer is repeated for a moment. It is not once a row of the user has changed, an item of the
 * catalogue has, or another version is in force.
 */
export class Serving {
  readonly #recommender: Recommender;
  readonly #admission: Admission;
  readonly #cache: AnswerCache<Repeated>;
  readonly #clock: Clock;
  readonly #answers: Counter<'origin'>;
  readonly #unwatch: readonly (() => void)[];

  constructor({ recommender, views, versions, options, clock, metrics }: Parts) {
    this.#recommender = recommender;
    this.#clock = clock;
    this.#admission = new Admission({ clock, metrics, concurrency: options.concurrency });
    this.#cache = new AnswerCache({
      clock,
      ttlMs: options.cacheMs,
      epoch: () => `${versions.current} ${versions.ranker}`,
      isLasting: ({ degraded }) => degraded === null,
    });
    const help = 'Answers by origin: made, joined to an equal one being made, or repeated from the cache.';
    this.#answers = metrics.counter('recommend_answers_total', help, ['origin']);
    this.#unwatch = [
      views.watchReplaced(() => this.#cache.clear()),
      views.watchUsers((userId) => {
        if (userId === undefined) this.#cache.clear();
        else this.#cache.forget(userId);
      }),
      views.watchItems((_, change) => {
        if (change === 'item') this.#cache.clear();
      }),
    ];
  }

  /** Errors: RetryableError MR_RECOMMEND_OVERLOADED. */
  async select(request: AnswerRequest): Promise<ServedSelection> {
    const owner = 'userId' in request.recipient ? (request.recipient.userId ?? '') : '';
    let full: Selection | undefined;
    const turn: Turn = { isBegun: false };
    const { origin, answer } = this.#cache.obtain(owner, keyOf(request), async () => {
      full = await this.#inTurn(request, turn, (timed) => this.#recommender.select(timed));
      const { shown: _, candidates: __, dropped: ___, judged: ____, ...repeated } = full;
      return repeated;
    });
    const repeated = await this.#inTime(request, turn, answer);
    this.#answers.inc({ origin });
    return { ...repeated, ...madeFrom(origin, full), cached: origin !== 'made' };
  }

  /** Errors: RetryableError MR_RECOMMEND_OVERLOADED. */
  rank(request: AnswerRequest, items: readonly string[]): Promise<Ranking> {
    const turn: Turn = { isBegun: false };
    const ranking = this.#inTurn(request, turn, (timed) => this.#recommender.rank(timed, items));
    return this.#inTime(request, turn, ranking);
  }

  /**
   * Admits a batch as a whole, and makes a few of its answers at a time, so that single requests take turns with them.
   * Requests of the batch say that they are admitted. Errors: RetryableError MR_RECOMMEND_OVERLOADED.
   */
  async inBatch<T>(
    { deadline }: Pick<AnswerRequest, 'deadline'>,
    answers: readonly (() => Promise<T>)[],
  ): Promise<readonly PromiseSettledResult<T>[]> {
    this.#admission.admit(deadline, answers.length);
    const made: PromiseSettledResult<T>[] = [];
    let next = 0;
    const lane = async () => {
      while (next < answers.length) {
        const place = next++;
        const answer = answers[place] as () => Promise<T>;
        [made[place]] = await Promise.allSettled([answer()]);
        this.#admission.done();
      }
    };
    await Promise.all(Array.from({ length: BATCH_LANES }, lane));
    return made;
  }

  /** Whether a request with this much time would be refused. Counts it as refused where it would. */
  refusesEarly(budgetMs: number): boolean {
    const isFull = this.#admission.isFull(budgetMs);
    if (isFull) this.#admission.refused('early');
    return isFull;
  }

  close(): void {
    for (const unwatch of this.#unwatch) unwatch();
  }

  async #inTurn<T>(
    request: AnswerRequest,
    turn: Turn,
    make: (request: AnswerRequest) => Promise<T>,
  ): Promise<T> {
    const { deadline, isAdmitted } = request;
    if (!isAdmitted) this.#admission.admit(deadline);
    try {
      return await this.#admission.inTurn(deadline, () => {
        turn.isBegun = true;
        return make({ ...request, deadline: deadline.share(MAKING_SHARE) });
      });
    } finally {
      if (!isAdmitted) this.#admission.done();
    }
  }

  /**
   * Whoever began it goes on, and holds its turn for as long: what hangs is not begun without end. An answer in the making
   * has been paid for, and most clients wait longer than its time: it is given a little late rather than thrown away.
   */
  async #inTime<T>({ deadline, budgetMs }: AnswerRequest, turn: Turn, answer: Promise<T>): Promise<T> {
    const outcome = await deadline.race(answer);
    if (outcome.inTime) return outcome.value;
    if (turn.isBegun) {
      const late = await Deadline.after(this.#clock, budgetMs * GRACE_SHARE).race(answer);
      if (late.inTime) return late.value;
    }
    throw this.#admission.refused('late') satisfies RetryableError;
  }
}

function madeFrom(origin: Origin, full: Selection | undefined): Grounds {
  if (origin !== 'made' || full === undefined)
    return { shown: [], candidates: [], dropped: [], judged: null };
  const { shown, candidates, dropped, judged } = full;
  return { shown, candidates, dropped, judged };
}

/** All that an answer depends on, beside whose it is and what is in force; not the session, which is logged alone. */
function keyOf({ recipient, k, details, budgetMs }: AnswerRequest): string {
  const { context, currentItem, category, languages, maxAgeDays, allow, deny } = details;
  const met = 'recentItems' in recipient ? recipient.recentItems : null;
  const { device, country, language } = context;
  const filters = [currentItem, category, languages, maxAgeDays, allow, deny];
  return JSON.stringify([k, budgetMs, device, country, language, met, ...filters]);
}
