import { randomUUID } from 'node:crypto';
import { Backoff, type Counter, errorCode, type Gauge, MillraceError, RetryableError } from '#platform';
import type { OpenedView, Topics } from '#topologies';
import type { FollowerEnvironment } from '../../topic-follower.ts';
import { moduleView } from '../stored-views.ts';
import { removeCommonNamespace } from './common-namespace.ts';
import { RedisConnection } from './connection.ts';
import { followedView, followedViews } from './followed-view.ts';
import { GenerationWriter, type WriterEnvironment } from './generation-writer.ts';
import { Generations } from './generations.ts';
import { Keyspace, newGeneration } from './keyspace.ts';
import { claimOwnNamespace } from './namespace-owner.ts';
import { marksOf, type Offsets, type Progress, readProgress, stableEnds } from './progress.ts';
import { COMMON_NAMESPACE, type RedisLocation } from './redis-url.ts';
import { sealShard } from './scripts.ts';
import { sweepGarbage } from './sweep.ts';

/** Who builds renews it all the time; whoever waits for one that has died goes on with its work after this. */
const LEASE_MS = 10_000;
const LEASE_RENEWAL_MS = 2_500;
const WAIT_FOR_BUILDER_MS = 50;
const BACKOFF = { firstMs: 50, longestMs: 2_000 };
const LOOK_AT_COMMON_MS = 60_000;

/** Why views have to be built from the log's start. */
type Reason = 'missing' | 'emptied' | 'sealed' | 'log-trimmed' | 'log-replaced' | 'out-of-date' | 'requested';

/**
 * Keeps the views in Redis as the log has them, with any number of its kind beside it. It goes on from the progress that
 * Redis holds. Where that is of no use, because Redis was emptied, say, or on request, the views are built from the log in
 * a new generation of keys, and take the place of the others in one step: until then those are followed and read.
 *
 * Redis away, or the log: it waits and tries again; `notReady` says so, and nothing is lost.
 */
export class RedisViewWriter {
  readonly #environment: WriterEnvironment;
  readonly #generations: Generations;
  readonly #builds: Counter<'reason'>;
  readonly #building: Gauge;
  readonly #backoff: Backoff;
  readonly #closing = new AbortController();
  readonly #closed = Promise.withResolvers<never>();
  readonly #caughtUp = Promise.withResolvers<void>();
  readonly #requested = new Set<Promise<void>>();
  #running: Promise<void> = Promise.resolve();
  #leaving: Promise<void> = Promise.resolve();
  #sweeping: Promise<void> = Promise.resolve();
  #problem: string | undefined = 'the views in Redis are being checked';
  #hasFollowed = false;

  private constructor(environment: WriterEnvironment) {
    const { connection, keys, metrics, clock } = environment;
    this.#environment = environment;
    this.#generations = new Generations(connection, keys);
    this.#backoff = new Backoff(clock, BACKOFF);
    const help = 'Revisions of views built from the start of the log, by reason.';
    this.#builds = metrics.counter('view_builds_total', help, ['reason']);
    this.#building = metrics.gauge('view_build_running', '1 while this process builds views from the log.');
    this.#caughtUp.promise.catch(() => {});
    this.#closed.promise.catch(() => {});
  }

  /** Opens the writer of the product's views. Errors: those of RedisConnection.open; MR_VIEWS_FOREIGN. */
  static async open(
    location: RedisLocation,
    environment: FollowerEnvironment,
    topics: Topics,
  ): Promise<RedisViewWriter> {
    const connection = await RedisConnection.open(location, environment.logger);
    const keys = new Keyspace(connection.namespace);
    const writer = await RedisViewWriter.#start({
      ...environment,
      connection,
      keys,
      views: followedViews(topics),
    });
    if (connection.owner !== undefined && connection.namespace !== COMMON_NAMESPACE) {
      writer.#leaving = writer.#leaveCommonNamespace();
    }
    return writer;
  }

  /** Opens a writer of one view of a module. Errors: those of RedisConnection.open; MR_VIEWS_FOREIGN. */
  static async openModule(
    location: RedisLocation,
    environment: FollowerEnvironment,
    module: OpenedView,
  ): Promise<RedisViewWriter> {
    const connection = await RedisConnection.open(location, environment.logger);
    const keys = new Keyspace(connection.namespace).ofModule(module.view);
    const views = [followedView(moduleView(module))];
    return RedisViewWriter.#start({ ...environment, connection, keys, views });
  }

  static async #start(environment: WriterEnvironment): Promise<RedisViewWriter> {
    try {
      await claimOwnNamespace(environment.connection);
    } catch (error) {
      environment.connection.close();
      throw error;
    }
    const writer = new RedisViewWriter(environment);
    writer.#running = writer.#run();
    return writer;
  }

  /** Resolves when Redis holds what was readable at some moment since the opening. */
  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  /** Why Redis would miss something; undefined when it would not. */
  notReady(): string | undefined {
    return this.#problem;
  }

  /** Rebuilds the views beside the live ones. Resolves when they have taken their place, whoever built them. */
  rebuild(): Promise<void> {
    const rebuilding = this.#rebuild();
    this.#requested.add(rebuilding);
    const done = () => this.#requested.delete(rebuilding);
    rebuilding.then(done, done);
    return rebuilding;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const closed = new RetryableError('MR_RESPONDER_CLOSED', 'The writer of the views was closed.');
    this.#closed.reject(closed);
    this.#caughtUp.reject(closed);
    await Promise.allSettled([this.#running, this.#leaving, this.#sweeping, ...this.#requested]);
    this.#environment.connection.close();
  }

  async #run(): Promise<void> {
    const { logger } = this.#environment;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#round();
      } catch (err) {
        if (signal.aborted) return;
        const isOurs = err instanceof MillraceError;
        this.#problem = isOurs ? err.message : 'the views in Redis cannot be written';
        const isPassing = err instanceof RetryableError;
        logger[isPassing ? 'warn' : 'error']({ err }, 'writing the views to Redis stopped; trying again');
        await this.#backoff.wait(signal);
      }
    }
  }

  /** Follows the live generation, or makes one; comes back when there is another to follow. */
  async #round(): Promise<void> {
    // Redis may have been emptied, and another log may have come first.
    await claimOwnNamespace(this.#environment.connection);
    const live = await this.#generations.live();
    const progress = live === undefined ? undefined : await this.#progressOf(live);
    const reason = await this.#unusable(progress);
    if (live !== undefined && progress !== undefined && reason === undefined) {
      return this.#follow(live, progress.offsets);
    }
    await this.#build(reason ?? 'missing', live);
  }

  async #follow(live: string, from: Offsets): Promise<void> {
    const { log, views } = this.#environment;
    const writer = await GenerationWriter.open(this.#environment, live, from);
    try {
      writer.start();
      this.#sweep();
      const ends = await stableEnds(log, views);
      await this.#unlessClosed(writer.reached(ends));
      this.#caughtUp.resolve();
      this.#problem = undefined;
      this.#hasFollowed = true;
      this.#backoff.reset();
      await this.#unlessClosed(writer.failed);
    } catch (error) {
      if (errorCode(error) !== 'MR_VIEWS_CHANGED') throw error;
      this.#environment.logger.info({ err: error, generation: live }, 'the views in Redis have changed');
    } finally {
      await writer.close();
    }
  }

  async #rebuild(): Promise<void> {
    const live = await this.#generations.live();
    while ((await this.#generations.live()) === live) {
      if (this.#closing.signal.aborted) await this.#closed.promise;
      await this.#build('requested', live);
    }
  }

  /** Does nothing where another one builds, or has built since `live` was seen. */
  async #build(reason: Reason, live: string | undefined): Promise<void> {
    const { clock, logger } = this.#environment;
    const token = randomUUID();
    if (!(await this.#generations.holdBuilder(token, LEASE_MS))) {
      if (reason !== 'requested') this.#problem = 'the views in Redis are being built by another writer';
      return clock.sleep(WAIT_FOR_BUILDER_MS, this.#closing.signal);
    }
    const done = new AbortController();
    const lost = this.#keepLease(token, done.signal);
    lost.catch(() => {});
    try {
      if ((await this.#generations.live()) !== live) return;
      // The first time there is nothing amiss.
      const level = reason === 'missing' ? 'info' : 'warn';
      logger[level]({ reason, live }, 'building the views in Redis from the log');
      if (reason !== 'requested') this.#problem = `the views in Redis are being built (${reason})`;
      this.#building.set(1);
      const startMs = clock.monotonic();
      const generation = await this.#buildHolding(token, live, lost);
      this.#builds.inc({ reason });
      logger[level]({ reason, generation, ms: clock.monotonic() - startMs }, 'the views in Redis are built');
    } finally {
      this.#building.set(0);
      done.abort();
      await this.#generations.releaseBuilder(token).catch(() => {});
    }
    this.#sweep();
  }

  async #buildHolding(token: string, live: string | undefined, lost: Promise<never>): Promise<string> {
    const { log, views, connection, keys } = this.#environment;
    const begun = await this.#begun();
    const generation = begun?.generation ?? newGeneration();
    if (begun === undefined && !(await this.#generations.beginNext(token, generation))) throw leaseLost();
    const writer = await GenerationWriter.open(this.#environment, generation, begun?.offsets);
    const reachEnd = async () =>
      this.#unlessClosed(Promise.race([writer.reached(await stableEnds(log, views)), lost]));
    try {
      await writer.makeShards();
      writer.start();
      await reachEnd();
      // Once more for what came meanwhile, so that nothing stands still for longer than the last records take.
      await reachEnd();
      if (live !== undefined) {
        if (!(await this.#generations.holdBuilder(token, LEASE_MS))) throw leaseLost();
        const marks = views.flatMap(({ entity }) => marksOf(keys, live, entity));
        await Promise.all([...new Set(marks)].map((mark) => connection.run(sealShard, [mark], [])));
        // Whatever any writer has put there before was readable then: with it, no row goes back at the switch.
        await reachEnd();
      }
      await writer.save();
      if (!(await this.#generations.switchTo(token, generation))) throw leaseLost();
      await connection.publish(keys.changed, '');
      return generation;
    } finally {
      await writer.close();
    }
  }

  /** What a builder before us has left half done. */
  async #begun(): Promise<{ generation: string; offsets: Offsets } | undefined> {
    const generation = await this.#generations.next();
    if (generation === undefined) return undefined;
    const progress = await this.#progressOf(generation);
    if (progress === undefined || (await this.#unusable(progress)) !== undefined) return undefined;
    return { generation, offsets: progress.offsets };
  }

  /** Rejects when the right to build is lost. */
  async #keepLease(token: string, signal: AbortSignal): Promise<never> {
    const { clock } = this.#environment;
    const ended = Promise.withResolvers<never>();
    while (!signal.aborted) {
      await clock.sleep(LEASE_RENEWAL_MS, signal);
      if (!signal.aborted && !(await this.#generations.holdBuilder(token, LEASE_MS))) throw leaseLost();
    }
    return ended.promise;
  }

  async #unusable(progress: Progress | undefined): Promise<Reason | undefined> {
    const { log, views, clock } = this.#environment;
    if (progress === undefined) return this.#hasFollowed ? 'emptied' : 'missing';
    if (progress.isSealed) return 'sealed';
    const trustedMs = Math.min(...views.map(({ deletesTrustedMs }) => deletesTrustedMs));
    if (clock.now() - progress.savedAt > trustedMs) return 'out-of-date';
    const described = await log.describeTopics(views.map(({ topic }) => topic.name));
    for (const { name, offsets } of described) {
      for (const [partition, { start, end }] of offsets.entries()) {
        const offset = progress.offsets.get(name)?.[partition] ?? 0;
        if (offset < start) return 'log-trimmed';
        if (offset > end) return 'log-replaced';
      }
    }
    return undefined;
  }

  #progressOf(generation: string): Promise<Progress | undefined> {
    const { connection, keys, views } = this.#environment;
    return readProgress(connection, keys, generation, views);
  }

  /** After a sweep that is under way, since that one does not know what became garbage since it began. */
  #sweep(): void {
    const { logger } = this.#environment;
    const environment = { ...this.#environment, generations: this.#generations };
    this.#sweeping = this.#sweeping
      .then(() => sweepGarbage(environment, this.#closing.signal))
      .then((removed) => {
        if (removed > 0) logger.info({ keys: removed }, 'earlier views were removed from Redis');
      })
      .catch((err: unknown) => logger.warn({ err }, 'earlier views stay in Redis for now'));
  }

  /** Nobody reads the rows there any more once this log's own are complete, and an erasure does not reach them. */
  async #leaveCommonNamespace(): Promise<void> {
    const { clock, logger } = this.#environment;
    const { signal } = this.#closing;
    await this.caughtUp.catch(() => {});
    while (!signal.aborted) {
      try {
        if ((await removeCommonNamespace(this.#environment, signal)) === 'done') return;
      } catch (err) {
        logger.warn({ err }, `views under the namespace ${COMMON_NAMESPACE} stay in Redis for now`);
      }
      await clock.sleep(LOOK_AT_COMMON_MS, signal);
    }
  }

  #unlessClosed<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#closed.promise]);
  }
}

function leaseLost(): RetryableError {
  return new RetryableError('MR_VIEWS_CHANGED', 'Another writer has taken over building the views.');
}
