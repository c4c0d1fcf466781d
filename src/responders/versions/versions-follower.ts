import type { TopicRecord } from '#engine';
import { type Counter, errorCode, type Gauge, type Logger } from '#platform';
import type { Candidate, Version } from '#schemas';
import type { Topics } from '#topologies';
import { type FollowerEnvironment, TopicFollower } from '../topic-follower.ts';
import type { ViewStore } from '../view-store/port.ts';
import { type LoadOptions, ServedVersion } from './served-version.ts';

export type VersionsOptions = FollowerEnvironment & {
  readonly topics: Pick<Topics, 'versions'>;
  readonly dataDirectory: string;
  readonly views: ViewStore;
};

/**
 * Follows the topic of versions and serves the one promoted last. A version is loaded and proven beside the one in
 * use, then takes its place at once; one that cannot be loaded is counted, and the one in use stays.
 */
export class VersionsFollower {
  readonly #loading: LoadOptions;
  readonly #logger: Logger;
  readonly #loads: Counter<'outcome'>;
  readonly #served: Gauge<'version'>;
  /** Those in force, the one promoted last at the end. */
  readonly #promoted = new Map<string, Candidate>();
  readonly #refused = new Set<string>();
  readonly #retiring = new Set<Promise<void>>();
  #follower: TopicFollower<Version> | undefined;
  #current: ServedVersion | undefined;
  #work: Promise<void> = Promise.resolve();
  #closing = false;

  private constructor({ dataDirectory, views, logger, metrics }: VersionsOptions) {
    this.#loading = { dataDirectory, views, metrics };
    this.#logger = logger;
    this.#loads = metrics.counter('version_loads_total', 'Versions loaded, or refused by code.', ['outcome']);
    this.#served = metrics.gauge('version_served', 'The version in use.', ['version']);
  }

  static async open(options: VersionsOptions): Promise<VersionsFollower> {
    const versions = new VersionsFollower(options);
    const apply = (record: TopicRecord<string, Version>) => versions.#apply(record);
    const follower = await TopicFollower.open(options, options.topics.versions, apply);
    versions.#follower = follower;
    follower.caughtUp.then(
      () => versions.#update(),
      () => {},
    );
    return versions;
  }

  /** The version in use, held until it is released; undefined when there is none. */
  acquire(): ServedVersion | undefined {
    return this.#current?.acquire();
  }

  get current(): string | undefined {
    return this.#current?.id;
  }

  /** Resolves when what was promoted before has been loaded or refused. */
  async settled(): Promise<void> {
    await this.#follower?.caughtUp;
    await this.#work;
  }

  notReady(): string | undefined {
    return this.#follower?.notReady();
  }

  /** Resolves when no request uses a version any more. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#follower?.close();
    await this.#work;
    this.#replace(undefined);
    await Promise.all(this.#retiring);
  }

  #apply({ value }: TopicRecord<string, Version>): void {
    if (value === null) return;
    const { version, status, candidate } = value;
    if (status === 'promoted') {
      this.#promoted.delete(version);
      this.#promoted.set(version, candidate);
      this.#refused.delete(version);
    } else if (status === 'rolled_back' || status === 'archived') {
      this.#promoted.delete(version);
    }
    // While the topic's past is read, most of what was promoted has been superseded.
    if (this.#follower !== undefined && this.notReady() === undefined) this.#update();
  }

  /** Loads one after another; versions that were superseded in the meantime are passed over. */
  #update(): void {
    this.#work = this.#work.then(() => this.#load());
  }

  /** The newest that can be loaded: after a start with a damaged version, the one before it is better than none. */
  async #load(): Promise<void> {
    for (const [id, candidate] of [...this.#promoted].reverse()) {
      if (this.#closing || id === this.#current?.id) return;
      if (this.#refused.has(id)) continue;
      try {
        const loaded = await ServedVersion.load(candidate, this.#loading);
        this.#loads.inc({ outcome: 'loaded' });
        this.#logger.info({ version: id, previous: this.#current?.id }, 'serving a version');
        this.#replace(loaded);
        return;
      } catch (err) {
        this.#refused.add(id);
        this.#loads.inc({ outcome: errorCode(err) ?? 'MR_INVARIANT' });
        this.#logger.error({ err, version: id, serving: this.#current?.id }, 'a version cannot be served');
      }
    }
    // Rolled back or archived, with nothing to take its place: popular items are better than what must not be used.
    if (this.#current !== undefined && !this.#promoted.has(this.#current.id)) this.#replace(undefined);
  }

  #replace(next: ServedVersion | undefined): void {
    const previous = this.#current;
    this.#current = next;
    this.#served.reset();
    if (next !== undefined) this.#served.set({ version: next.id }, 1);
    if (previous === undefined) return;
    const retiring = previous.retire().catch((err: unknown) => {
      this.#logger.error({ err, version: previous.id }, 'a version did not end in order');
    });
    this.#retiring.add(retiring);
    void retiring.finally(() => this.#retiring.delete(retiring));
  }
}
