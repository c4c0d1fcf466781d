import {
  type Clock,
  type Counter,
  type Deadline,
  type Gauge,
  type Histogram,
  type Metrics,
  RetryableError,
} from '#platform';

/** What may be taken in whatever the prediction says: without answers there would be nothing to correct it by. */
const ALWAYS_ADMITTED = 8;
/** Part of its time that a request may be predicted to take; the rest is for what the prediction does not see. */
const WAIT_SHARE = 0.4;
/** Weight of what was measured before, at each answer: about the last 50 count. */
const KEPT = 0.98;

export type AdmissionOptions = {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Answers made at a time. */
  readonly concurrency: number;
};

type Waiting = { readonly deadline: Deadline; readonly sinceMs: number; start(): void; refuse(): void };

/** The one error of all refusals: under overload, making one each time would be most of a refusal's cost. */
export const OVERLOADED = new RetryableError(
  'MR_RECOMMEND_OVERLOADED',
  'More answers are requested than can be computed in time.',
  { hint: 'Retry after the time in the header retry-after.' },
);

/**
 * Lets in as many requests as can be answered by their deadlines, and refuses the others at once. A few answers are made at
 * a time, the rest wait in the order in which they came. By Little's law, a new request is answered after as long as the
 * admitted ones take at the rate at which answers come; where that is more than two fifths of its time, it is refused. So the
 * queue never holds what comes too late, as it would without bound, or with one by length alone when answers become slower;
 * serving the newest first (as Facebook's adaptive LIFO does) would then only make others miss their time.
 *
 * A request is admitted with the number of its answers; each of them takes its turn, if it must be made, and is `done`.
 */
export class Admission {
  readonly #clock: Clock;
  readonly #concurrency: number;
  readonly #shed: Counter<'reason'>;
  readonly #waits: Histogram;
  readonly #length: Gauge;
  readonly #queue: Waiting[] = [];
  /** Answers that were admitted and are not done. */
  #pending = 0;
  #running = 0;
  /** Weighted count of recent answers made while others waited, and the time that they took. */
  #answers = 1;
  #busyMs = 1;
  /** When the last answer was done, or the first one begun. */
  #lastMs = 0;

  constructor({ clock, metrics, concurrency }: AdmissionOptions) {
    this.#clock = clock;
    this.#concurrency = concurrency;
    this.#shed = metrics.counter('recommend_shed_total', 'Answers refused under overload, by reason.', [
      'reason',
    ]);
    this.#waits = metrics.histogram(
      'recommend_wait_ms',
      'Time that admitted answers waited for their turn, ms.',
    );
    this.#length = metrics.gauge('recommend_queue', 'Answers that wait for their turn.');
  }

  /** Whether one more answer would probably miss its time. */
  isFull(budgetMs: number, answers = 1): boolean {
    if (this.#pending < ALWAYS_ADMITTED) return false;
    const intervalMs = this.#busyMs / this.#answers;
    return (this.#pending + answers) * intervalMs > budgetMs * WAIT_SHARE;
  }

  /** Counts a request that was refused because of `isFull`. */
  refused(reason: 'early' | 'predicted' | 'late', answers = 1): RetryableError {
    this.#shed.inc({ reason }, answers);
    return OVERLOADED;
  }

  /** Takes in `answers`, each to be followed by one `done`. Errors: RetryableError MR_RECOMMEND_OVERLOADED. */
  admit(deadline: Deadline, answers = 1): void {
    if (this.isFull(deadline.remainingMs, answers)) throw this.refused('predicted', answers);
    this.#pending += answers;
  }

  done(): void {
    this.#pending--;
  }

  /** Makes an admitted answer when its turn comes. Errors: MR_RECOMMEND_OVERLOADED where its time is up by then; those of `make`. */
  async inTurn<T>(deadline: Deadline, make: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#concurrency) await this.#turn(deadline);
    else this.#begin();
    try {
      return await make();
    } finally {
      this.#end();
    }
  }

  #turn(deadline: Deadline): Promise<void> {
    return new Promise((resolve, reject) => {
      const sinceMs = this.#clock.monotonic();
      this.#queue.push({ deadline, sinceMs, start: resolve, refuse: () => reject(this.refused('late')) });
      this.#length.set(this.#queue.length);
    });
  }

  #begin(): void {
    if (this.#running === 0) this.#lastMs = this.#clock.monotonic();
    this.#running++;
  }

  #end(): void {
    const nowMs = this.#clock.monotonic();
    // One made alone takes its own time, which says nothing of how many can be made.
    if (this.#pending > 1) {
      this.#answers = this.#answers * KEPT + 1;
      this.#busyMs = this.#busyMs * KEPT + nowMs - this.#lastMs;
    }
    this.#lastMs = nowMs;
    this.#running--;
    this.#next(nowMs);
  }

  #next(nowMs: number): void {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      if (next.deadline.isOver) {
        next.refuse();
        continue;
      }
      this.#waits.observe(nowMs - next.sinceMs);
      this.#begin();
      next.start();
      break;
    }
    this.#length.set(this.#queue.length);
  }
}
