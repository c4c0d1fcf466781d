import type { Clock } from '#platform';

/** About 10 MB, at ten items an answer. */
const MOST_ENTRIES = 4_000;

export type AnswerCacheOptions<A> = {
  readonly clock: Clock;
  /** For how long after it was begun an answer is repeated, ms; 0 for not at all. */
  readonly ttlMs: number;
  /** What all answers depend on, such as the versions in force: when it changes, none of before is repeated. */
  readonly epoch: () => string;
  /** Whether an answer that was made may be repeated. */
  readonly isLasting: (answer: A) => boolean;
};

/** How an answer was come by: made for this request, for an equal one at the same time, or for one before. */
export type Origin = 'made' | 'joined' | 'cached';

export type Obtained<A> = { readonly origin: Origin; readonly answer: Promise<A> };

type Entry<A> = {
  readonly owner: string;
  readonly key: string;
  readonly answer: Promise<A>;
  readonly begunMs: number;
  isMade: boolean;
};

/**
 * Answers of the last moments, and those being made, by whose they are and what was asked: equal requests at the same time
 * are one piece of work. Whoever learns that what answers are made of has changed says so (`forget`, `clear`): then neither
 * an answer made before nor one begun before is given to those who ask afterwards.
 */
export class AnswerCache<A> {
  readonly #options: AnswerCacheOptions<A>;
  /** Those that were made, in the order in which they were; among them those being made. */
  readonly #entries = new Map<string, Entry<A>>();
  readonly #keys = new Map<string, Set<string>>();
  #epoch = '';

  constructor(options: AnswerCacheOptions<A>) {
    this.#options = options;
  }

  /**
   * An answer to `owner`, '' for nobody in particular. `request` says all that it depends on but the epoch. `make` is
   * called where there is no equal one.
   */
  obtain(owner: string, request: string, make: () => Promise<A>): Obtained<A> {
    this.#sweep();
    const key = `${owner}\n${request}`;
    const found = this.#entries.get(key);
    if (found !== undefined && !this.#isOver(found)) {
      return { origin: found.isMade ? 'cached' : 'joined', answer: found.answer };
    }
    const begunMs = this.#options.clock.monotonic();
    const entry: Entry<A> = { owner, key, answer: make(), begunMs, isMade: false };
    this.#drop(found);
    this.#keep(entry);
    entry.answer.then(
      (answer) => this.#made(entry, answer),
      () => this.#drop(entry),
    );
    return { origin: 'made', answer: entry.answer };
  }

  /** What this owner's answers were made of has changed. */
  forget(owner: string): void {
    const keys = this.#keys.get(owner);
    if (keys === undefined) return;
    this.#keys.delete(owner);
    for (const key of keys) this.#entries.delete(key);
  }

  /** What everybody's answers were made of has changed. */
  clear(): void {
    // Map.clear makes new tables each time, for every item that is read at the start.
    if (this.#entries.size === 0) return;
    this.#keys.clear();
    this.#entries.clear();
  }

  /** How many answers there are, those being made included. */
  get size(): number {
    return this.#entries.size;
  }

  #isOver({ isMade, begunMs }: Entry<A>): boolean {
    return isMade && this.#options.clock.monotonic() - begunMs >= this.#options.ttlMs;
  }

  #sweep(): void {
    const epoch = this.#options.epoch();
    if (epoch !== this.#epoch) this.clear();
    this.#epoch = epoch;
    for (const entry of this.#entries.values()) {
      if (!this.#isOver(entry) && this.#entries.size < MOST_ENTRIES) return;
      this.#drop(entry);
    }
  }

  #keep(entry: Entry<A>): void {
    const { owner, key } = entry;
    this.#entries.set(key, entry);
    const keys = this.#keys.get(owner);
    if (keys === undefined) this.#keys.set(owner, new Set([key]));
    else keys.add(key);
  }

  /** Unless it was forgotten meanwhile. */
  #made(entry: Entry<A>, answer: A): void {
    if (this.#entries.get(entry.key) !== entry) return;
    this.#drop(entry);
    const { isLasting, epoch, ttlMs } = this.#options;
    if (ttlMs === 0 || epoch() !== this.#epoch || !isLasting(answer)) return;
    entry.isMade = true;
    this.#keep(entry);
  }

  /** Another may have taken its place. */
  #drop(entry: Entry<A> | undefined): void {
    if (entry === undefined || this.#entries.get(entry.key) !== entry) return;
    this.#entries.delete(entry.key);
    const keys = this.#keys.get(entry.owner);
    keys?.delete(entry.key);
    if (keys?.size === 0) this.#keys.delete(entry.owner);
  }
}
