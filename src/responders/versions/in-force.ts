import {
  Backoff,
  type Clock,
  type Counter,
  errorCode,
  type Gauge,
  type Logger,
  MillraceError,
  RetryableError,
} from '#platform';
import { promotionsAfter } from '#processors';
import type { Candidate, Version, VersionRole } from '#schemas';

/** A version in memory. */
export type Served = {
  readonly id: string;
  acquire(): void;
  release(): void;
  /** Resolves with the reason when it ends by itself. */
  readonly died: Promise<Error>;
  /** Gives up the holder's own claim; resolves when nobody uses it any more. */
  retire(): Promise<void>;
};

/** A version that cannot be served, and the code of why. */
export type RefusedVersion = { readonly version: string; readonly code: string };

export type InForceOptions<T extends Served> = {
  readonly role: VersionRole;
  /** Loads and proves a version; what it throws is why the version can't be served. */
  readonly load: (candidate: Candidate) => Promise<T>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly loads: Counter<'outcome'>;
  readonly served: Gauge<'version' | 'role'>;
  /** Whether the version before is kept loaded for a rollback; true without it. */
  readonly keepsBefore?: boolean;
};

/** Somebody may copy the files here, or put the right object into the store. */
const REPAIRED_ELSEWHERE = ['MR_VERSION_MISSING', 'MR_STORAGE_OBJECT_MISSING', 'MR_STORAGE_OBJECT_WRONG'];
const BACKOFF = { firstMs: 500, longestMs: 30_000 };

/**
 * The version of one role that is in use, and the one promoted before it, which is kept loaded beside it: a rollback is a
 * swap of the two. A version is loaded and proven beside the one in use, then takes its place at once; one that cannot be
 * loaded is counted, and the one in use stays. What passes is tried again, with growing pauses until a version is promoted:
 * files that are not there yet, a disk that fails, a version whose thread has ended.
 */
export class InForce<T extends Served> {
  readonly #options: InForceOptions<T>;
  readonly #backoff: Backoff;
  /** Those that may be used, oldest first; the last is in force. */
  #promotions: readonly string[] = [];
  readonly #candidates = new Map<string, Candidate>();
  /** Codes of why they cannot be loaded. */
  readonly #refused = new Map<string, string>();
  readonly #retiring = new Set<Promise<void>>();
  #current: T | undefined;
  #before: T | undefined;
  #work: Promise<void> = Promise.resolve();
  /** The loading of the version promoted before, which nothing waits for but the next change. */
  #warming: Promise<void> = Promise.resolve();
  /** The version that is to be tried again, and why. */
  #failing: { readonly id: string; readonly why: string } | undefined;
  readonly #closing = new AbortController();

  constructor(options: InForceOptions<T>) {
    this.#options = options;
    this.#backoff = new Backoff(options.clock, BACKOFF);
  }

  /** The version in use, held until it is released; undefined when there is none. */
  acquire(): T | undefined {
    this.#current?.acquire();
    return this.#current;
  }

  get role(): VersionRole {
    return this.#options.role;
  }

  get current(): string | undefined {
    return this.#current?.id;
  }

  /** The version that is kept loaded for a rollback. */
  get warm(): string | undefined {
    return this.#before?.id;
  }

  /** Why none is in use though there is one to be used; undefined where there is none, or none that can be. */
  notReady(): string | undefined {
    const failing = this.#failing;
    if (failing === undefined || this.#current !== undefined) return undefined;
    return this.#newestFirst().some(([id]) => id === failing.id) ? failing.why : undefined;
  }

  /** Promoted after the version in use, newest first, and not to be loaded: damaged, or unfit. */
  get refused(): readonly RefusedVersion[] {
    const later = [...new Set(this.#promotions.toReversed())];
    const place = this.#current === undefined ? -1 : later.indexOf(this.#current.id);
    return later.slice(0, place < 0 ? undefined : place).flatMap((version) => {
      const code = this.#refused.get(version);
      return code === undefined ? [] : [{ version, code }];
    });
  }

  /** Notes a step in the life of a version of this role; `update` acts on it. */
  note(step: Version): void {
    const { version, status, candidate } = step;
    this.#promotions = promotionsAfter(this.#promotions, step);
    if (status !== 'promoted') return;
    this.#candidates.set(version, candidate);
    this.#refused.delete(version);
    this.#backoff.reset();
  }

  /** Loads one after another; versions that were superseded in the meantime are passed over. */
  update(): void {
    const before = Promise.all([this.#work, this.#warming]);
    this.#work = before.then(() => this.#load());
    this.#warming = this.#work.then(() => this.#warmUp());
  }

  /** Resolves when what was noted before the last update is in use, or refused. */
  settled(): Promise<void> {
    return this.#work;
  }

  /** Resolves when the version promoted before is loaded, too. */
  warmed(): Promise<void> {
    return this.#warming;
  }

  /** Resolves when no request uses a version any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.#work, this.#warming]);
    this.#use(undefined);
    this.#keep(undefined);
    await Promise.all(this.#retiring);
  }

  /** The newest that can be loaded: after a start with a damaged version, the one before it is better than none. */
  async #load(): Promise<void> {
    for (const [id, candidate] of this.#newestFirst()) {
      if (this.#isClosing || id === this.#current?.id) return;
      const next = await this.#loaded(id, candidate);
      if (next === undefined) continue;
      this.#options.logger.info({ version: id, previous: this.#current?.id }, 'serving a version');
      this.#use(next);
      return;
    }
    // Rolled back or archived, with nothing to take its place: popular items are better than what must not be used.
    if (this.#current !== undefined && !this.#promotions.includes(this.#current.id)) this.#use(undefined);
  }

  /** What may not be used any more is let go even where nothing takes its place. */
  async #warmUp(): Promise<void> {
    if (this.#before !== undefined && !this.#promotions.includes(this.#before.id)) this.#keep(undefined);
    if (this.#options.keepsBefore === false) return;
    const candidates = this.#newestFirst();
    const place = candidates.findIndex(([id]) => id === this.#current?.id);
    for (const [id, candidate] of place < 0 ? [] : candidates.slice(place + 1)) {
      if (this.#isClosing || id === this.#before?.id) return;
      const loaded = await this.#loaded(id, candidate);
      if (loaded !== undefined) return this.#keep(loaded);
    }
  }

  get #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  #newestFirst(): (readonly [id: string, candidate: Candidate])[] {
    const usable = new Set(this.#promotions.toReversed()).difference(this.#refused);
    return Array.from(usable, (id) => [id, this.#candidates.get(id) as Candidate] as const);
  }

  /** Undefined where it can't be served. */
  async #loaded(id: string, candidate: Candidate): Promise<T | undefined> {
    const { load, loads, logger } = this.#options;
    if (id === this.#before?.id) {
      const kept = this.#before;
      this.#before = undefined;
      return kept;
    }
    try {
      const loaded = await load(candidate);
      loads.inc({ outcome: 'loaded' });
      void loaded.died.then((err) => this.#lose(loaded, err));
      return loaded;
    } catch (err) {
      loads.inc({ outcome: errorCode(err) ?? 'MR_INVARIANT' });
      const about = { err, version: id, serving: this.#current?.id };
      if (passes(err)) {
        logger.warn(about, 'a version cannot be loaded now; retrying');
        void this.#tryAgain(id, err);
      } else {
        logger.error(about, 'a version cannot be served');
        this.#refused.set(id, errorCode(err) ?? 'MR_INVARIANT');
      }
      return undefined;
    }
  }

  /** One that has ended by itself is not asked any more, and loaded again. */
  #lose(version: T, err: Error): void {
    const { role, logger, served } = this.#options;
    if (this.#isClosing || (version !== this.#current && version !== this.#before)) return;
    logger.error({ err, version: version.id }, 'the thread of a version ended; reloading it');
    if (version === this.#current) {
      this.#current = undefined;
      served.remove({ version: version.id, role });
    } else this.#before = undefined;
    this.#retire(version);
    void this.#tryAgain(version.id, err);
  }

  async #tryAgain(id: string, error: unknown): Promise<void> {
    this.#failing = { id, why: `version ${id} is reloaded after ${errorCode(error)}` };
    if (this.#backoff.isWaiting) return;
    await this.#backoff.wait(this.#closing.signal);
    if (!this.#isClosing) this.update();
  }

  /** The one that was in use is kept for a rollback where it may be used. */
  #use(next: T | undefined): void {
    const { role, served } = this.#options;
    const previous = this.#current;
    this.#current = next;
    if (previous !== undefined) served.remove({ version: previous.id, role });
    if (next !== undefined) served.set({ version: next.id, role }, 1);
    if (previous === undefined) return;
    const isKept = this.#options.keepsBefore !== false && this.#promotions.includes(previous.id);
    if (isKept && !this.#isClosing) this.#keep(previous);
    else this.#retire(previous);
  }

  #keep(version: T | undefined): void {
    if (this.#before !== undefined) this.#retire(this.#before);
    this.#before = version;
  }

  #retire(version: T): void {
    const retiring = version.retire().catch((err: unknown) => {
      this.#options.logger.error({ err, version: version.id }, 'a version did not shut down cleanly');
    });
    this.#retiring.add(retiring);
    void retiring.finally(() => this.#retiring.delete(retiring));
  }
}

/** Whether it may go otherwise the next time: an error of the system's, or files that are still being copied. */
function passes(error: unknown): boolean {
  if (!(error instanceof MillraceError)) return errorCode(error) !== undefined;
  const { code } = error;
  return (
    error instanceof RetryableError || REPAIRED_ELSEWHERE.includes(code) || code === 'MR_INFERENCE_ENDED'
  );
}
