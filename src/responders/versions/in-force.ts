import { type Counter, errorCode, type Gauge, type Logger } from '#platform';
import type { Candidate, Version, VersionRole } from '#schemas';

/** A version in memory. */
export type Served = {
  readonly id: string;
  acquire(): void;
  release(): void;
  /** Gives up the holder's own claim; resolves when nobody uses it any more. */
  retire(): Promise<void>;
};

export type InForceOptions<T extends Served> = {
  readonly role: VersionRole;
  /** Loads and proves a version; what it throws is why the version can't be served. */
  readonly load: (candidate: Candidate) => Promise<T>;
  readonly logger: Logger;
  readonly loads: Counter<'outcome'>;
  readonly served: Gauge<'version' | 'role'>;
};

/**
 * The version of one role that is in use, and the one promoted before it, which is kept loaded beside it: a rollback is a
 * swap of the two. A version is loaded and proven beside the one in use, then takes its place at once; one that cannot be
 * loaded is counted, and the one in use stays.
 */
export class InForce<T extends Served> {
  readonly #options: InForceOptions<T>;
  /** Those that may be used, the one promoted last at the end. */
  readonly #promoted = new Map<string, Candidate>();
  readonly #refused = new Set<string>();
  readonly #retiring = new Set<Promise<void>>();
  #current: T | undefined;
  #before: T | undefined;
  #work: Promise<void> = Promise.resolve();
  /** The loading of the version promoted before, which nothing waits for but the next change. */
  #warming: Promise<void> = Promise.resolve();
  #closing = false;

  constructor(options: InForceOptions<T>) {
    this.#options = options;
  }

  /** The version in use, held until it is released; undefined when there is none. */
  acquire(): T | undefined {
    this.#current?.acquire();
    return this.#current;
  }

  get current(): string | undefined {
    return this.#current?.id;
  }

  /** The version that is kept loaded for a rollback. */
  get warm(): string | undefined {
    return this.#before?.id;
  }

  /** Notes a step in the life of a version; `update` acts on it. */
  note({ version, status, candidate }: Version): void {
    if (status === 'promoted') {
      this.#promoted.delete(version);
      this.#promoted.set(version, candidate);
      this.#refused.delete(version);
    } else if (status === 'rolled_back' || status === 'archived') {
      this.#promoted.delete(version);
    }
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
    this.#closing = true;
    await Promise.all([this.#work, this.#warming]);
    this.#use(undefined);
    this.#keep(undefined);
    await Promise.all(this.#retiring);
  }

  /** The newest that can be loaded: after a start with a damaged version, the one before it is better than none. */
  async #load(): Promise<void> {
    for (const [id, candidate] of this.#newestFirst()) {
      if (this.#closing || id === this.#current?.id) return;
      const next = await this.#loaded(id, candidate);
      if (next === undefined) continue;
      this.#options.logger.info({ version: id, previous: this.#current?.id }, 'serving a version');
      this.#use(next);
      return;
    }
    // Rolled back or archived, with nothing to take its place: popular items are better than what must not be used.
    if (this.#current !== undefined && !this.#promoted.has(this.#current.id)) this.#use(undefined);
  }

  /** What may not be used any more is let go even where nothing takes its place. */
  async #warmUp(): Promise<void> {
    const candidates = this.#newestFirst();
    const place = candidates.findIndex(([id]) => id === this.#current?.id);
    const wanted = place < 0 ? undefined : candidates[place + 1];
    if (wanted?.[0] === this.#before?.id) return;
    this.#keep(undefined);
    if (wanted !== undefined && !this.#closing) this.#keep(await this.#loaded(...wanted));
  }

  #newestFirst(): (readonly [id: string, candidate: Candidate])[] {
    return [...this.#promoted].reverse().filter(([id]) => !this.#refused.has(id));
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
      return loaded;
    } catch (err) {
      this.#refused.add(id);
      loads.inc({ outcome: errorCode(err) ?? 'MR_INVARIANT' });
      logger.error({ err, version: id, serving: this.#current?.id }, 'a version cannot be served');
      return undefined;
    }
  }

  /** The one that was in use is kept for a rollback where it may be used. */
  #use(next: T | undefined): void {
    const { role, served } = this.#options;
    const previous = this.#current;
    this.#current = next;
    if (previous !== undefined) served.remove({ version: previous.id, role });
    if (next !== undefined) served.set({ version: next.id, role }, 1);
    if (previous === undefined) return;
    if (this.#promoted.has(previous.id) && !this.#closing) this.#keep(previous);
    else this.#retire(previous);
  }

  #keep(version: T | undefined): void {
    if (this.#before !== undefined) this.#retire(this.#before);
    this.#before = version;
  }

  #retire(version: T): void {
    const retiring = version.retire().catch((err: unknown) => {
      this.#options.logger.error({ err, version: version.id }, 'a version did not end in order');
    });
    this.#retiring.add(retiring);
    void retiring.finally(() => this.#retiring.delete(retiring));
  }
}
