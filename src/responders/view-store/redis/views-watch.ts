import { errorCode, MillraceError, RetryableError } from '#platform';
import type { FollowerEnvironment } from '../../topic-follower.ts';
import type { RedisConnection } from './connection.ts';
import type { FollowedView } from './followed-view.ts';
import type { Generations } from './generations.ts';
import type { Keyspace } from './keyspace.ts';
import { furthest, hasReached, type Offsets, readProgress, recordsBehind, stableEnds } from './progress.ts';

const REFRESH_MS = 500;
/** While somebody may be waiting for the views to be there. */
const CATCH_UP_REFRESH_MS = 50;
/** Writers save once a second at least. */
const SILENT_AFTER_MS = 15_000;

type WatchOptions = FollowerEnvironment & {
  readonly connection: RedisConnection;
  readonly keys: Keyspace;
  readonly generations: Generations;
  readonly views: readonly FollowedView[];
};

/** Looks twice a second at how far the views in Redis are, and whether anybody keeps them. */
export class ViewsWatch {
  readonly #options: WatchOptions;
  /** The log's ends at the opening. */
  readonly #ends: Offsets;
  readonly #closing = new AbortController();
  readonly #caughtUp = Promise.withResolvers<void>();
  #running: Promise<void> = Promise.resolve();
  #refreshing: Promise<void> | undefined;
  #problem: string | undefined = 'the views in Redis are being checked';
  #isCaughtUp = false;
  /** What has been seen of the views, by a look or, once the connection was lost, by a read: they are not to fall behind. */
  #required: Offsets = new Map();
  /** By topic and partition, the offset behind the newest row that was read. */
  readonly #read = new Map<string, number[]>();
  /** Redis came back with older rows than were read before, and no writer has mended that yet. */
  #isSetBack = false;
  #watermark = Number.NEGATIVE_INFINITY;
  #savedAt = 0;
  #heardAtMs: number;
  #epoch = -1;

  private constructor(options: WatchOptions, ends: Offsets) {
    this.#options = options;
    this.#ends = ends;
    this.#heardAtMs = options.clock.monotonic();
    this.#caughtUp.promise.catch(() => {});
  }

  static async open(options: WatchOptions): Promise<ViewsWatch> {
    const watch = new ViewsWatch(options, await stableEnds(options.log, options.views));
    watch.#running = watch.#run();
    return watch;
  }

  /** Resolves when Redis holds what was readable when this was opened. */
  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  get watermark(): number {
    return this.#watermark;
  }

  notReady(): string | undefined {
    if (this.#problem !== undefined) return this.#problem;
    const silentMs = this.#options.clock.monotonic() - this.#heardAtMs;
    if (silentMs < SILENT_AFTER_MS) return undefined;
    return `no view writer has been active in Redis for ${Math.round(silentMs / 1000)} s`;
  }

  /** Before rows are read. Errors: MR_VIEWS_NOT_BUILT where they would be older than rows read before. */
  async requireUpToDate(): Promise<void> {
    if (this.#epoch !== this.#options.connection.epoch) await this.#refresh();
    if (!this.#isSetBack) return;
    throw new RetryableError('MR_VIEWS_NOT_BUILT', 'Redis came back with older rows.', {
      hint: 'Wait until a view writer has brought them up to date; check that one runs.',
    });
  }

  /** The offset of a row that was read. */
  noteRead(topic: string, partition: number, offset: number): void {
    let ofTopic = this.#read.get(topic);
    if (ofTopic === undefined) {
      ofTopic = [];
      this.#read.set(topic, ofTopic);
    }
    if (offset >= (ofTopic[partition] ?? 0)) ofTopic[partition] = offset + 1;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    this.#caughtUp.reject(
      new RetryableError('MR_RESPONDER_CLOSED', 'The responder was closed while it started.'),
    );
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#refresh();
      } catch (err) {
        this.#problem = err instanceof MillraceError ? err.message : 'the views in Redis cannot be read';
        if (errorCode(err) !== 'MR_REDIS_UNAVAILABLE') logger.error({ err }, this.#problem);
      }
      await clock.sleep(this.#isCaughtUp ? REFRESH_MS : CATCH_UP_REFRESH_MS, signal);
    }
  }

  #refresh(): Promise<void> {
    this.#refreshing ??= this.#look().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #look(): Promise<void> {
    const { connection, keys, generations, views, clock } = this.#options;
    const { epoch } = connection;
    const live = await generations.live();
    const progress = live === undefined ? undefined : await readProgress(connection, keys, live, views);
    // Rows are ahead of the progress that is saved for them, which says nothing while the connection holds.
    if (this.#epoch !== epoch) this.#required = furthest(this.#required, this.#read);
    this.#epoch = epoch;
    if (progress === undefined) {
      this.#problem = 'the views in Redis are missing or incomplete';
      return;
    }
    const { offsets, savedAt, watermark } = progress;
    if (!this.#isCaughtUp && (await this.#isBeyondLog(offsets))) {
      this.#problem = 'the views in Redis belong to another log';
      return;
    }
    this.#watermark = Math.max(this.#watermark, watermark);
    if (savedAt !== this.#savedAt) this.#heardAtMs = clock.monotonic();
    this.#savedAt = savedAt;
    this.#isSetBack = recordsBehind(offsets, this.#required) > 0;
    this.#required = furthest(this.#required, offsets);
    const behind = recordsBehind(offsets, this.#ends);
    if (behind === 0) {
      this.#isCaughtUp = true;
      this.#caughtUp.resolve();
    }
    if (this.#isSetBack) this.#problem = 'Redis came back with older rows';
    else if (this.#isCaughtUp) this.#problem = undefined;
    else this.#problem = `the views in Redis are up to ${behind} records behind`;
  }

  /** Views of a log that this one has replaced: their offsets say nothing of those that a writer builds from this one. */
  async #isBeyondLog(offsets: Offsets): Promise<boolean> {
    if (hasReached(this.#ends, offsets)) return false;
    const { log, views } = this.#options;
    return !hasReached(await stableEnds(log, views), offsets);
  }
}
