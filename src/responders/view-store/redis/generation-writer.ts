import { TopicReader, type TopicRecord } from '#engine';
import { worldNow } from '#features';
import { errorCode, InvariantError, MillraceError, RetryableError } from '#platform';
import { type FollowerEnvironment, undecodableRecords } from '../../topic-follower.ts';
import type { RedisConnection } from './connection.ts';
import { type FollowedView, viewsOf } from './followed-view.ts';
import type { Entity, Keyspace } from './keyspace.ts';
import { hasReached, marksOf, type Offsets } from './progress.ts';
import { RowWriter, viewsChanged } from './row-writer.ts';
import { makeMark, saveProgress } from './scripts.ts';
import { encodeMark } from './shard-mark.ts';

const POLL_MS = 1_000;
/** A writer that starts again reads the records of this time a second time at most. */
const SAVE_MS = 200;
/** Progress is saved without any, too: that is how others know of a writer. */
const HEARTBEAT_MS = 1_000;

export type WriterEnvironment = FollowerEnvironment & {
  readonly connection: RedisConnection;
  readonly keys: Keyspace;
  readonly views: readonly FollowedView[];
};

type Following = {
  readonly view: FollowedView;
  readonly reader: TopicReader<string, Buffer>;
  readonly first: readonly number[];
  /** Below these, everything is in Redis. */
  offsets: readonly number[];
};

/** Follows the view topics into one generation from given offsets on, until it is closed or something is in the way. */
export class GenerationWriter {
  readonly #environment: WriterEnvironment;
  readonly #generation: string;
  readonly #rows: RowWriter;
  readonly #following: Following[] = [];
  readonly #closing = new AbortController();
  readonly #failed = Promise.withResolvers<never>();
  /** By mark: what is there at least, where nothing was lost. */
  readonly #saved = new Map<string, readonly number[]>();
  #running: Promise<unknown> = Promise.resolve();
  #advanced = Promise.withResolvers<void>();

  private constructor(environment: WriterEnvironment, generation: string) {
    this.#environment = environment;
    this.#generation = generation;
    this.#rows = new RowWriter(environment, generation);
    this.#failed.promise.catch(() => {});
  }

  /** `from`: where to go on; absent, from the start of the topics. Writes nothing before `start`. */
  static async open(
    environment: WriterEnvironment,
    generation: string,
    from?: Offsets,
  ): Promise<GenerationWriter> {
    const writer = new GenerationWriter(environment, generation);
    try {
      for (const view of environment.views) await writer.#open(view, from?.get(view.topic.name));
      return writer;
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  /** Makes the shards of a new generation. Where it has some, they stay. */
  async makeShards(): Promise<void> {
    const { connection } = this.#environment;
    const entities = this.#entities();
    const progress = new Map(entities.map((entity) => [entity, encodeMark(this.#progress(entity))]));
    await Promise.all(
      this.#marks().map(({ entity, mark }) => connection.run(makeMark, [mark], [progress.get(entity) ?? ''])),
    );
  }

  start(): void {
    const work = [...this.#following.map((following) => this.#follow(following)), this.#saveAgain()];
    this.#running = Promise.allSettled(work.map((each) => each.catch((error) => this.#fail(error))));
  }

  /** Never resolves; rejects with what is in the way. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  get offsets(): Offsets {
    return new Map(this.#following.map(({ view, offsets }) => [view.topic.name, offsets]));
  }

  /** Resolves when everything below `ends` is in Redis. */
  async reached(ends: Offsets): Promise<void> {
    while (!hasReached(this.offsets, ends))
      await Promise.race([this.#advanced.promise, this.#failed.promise]);
  }

  /** Says in every shard how far it is. Errors: MR_VIEWS_CHANGED. */
  async save(): Promise<void> {
    const { connection } = this.#environment;
    const progress = new Map(this.#entities().map((entity) => [entity, this.#progress(entity)]));
    await Promise.all(
      this.#marks().map(async ({ entity, mark }) => {
        const given = progress.get(entity);
        if (given === undefined) return;
        const bytes = encodeMark(given);
        const least = encodeOffsets(this.#saved.get(mark) ?? this.#first(entity));
        const answer = await connection.run(saveProgress, [mark], [bytes, least]);
        if (answer < 0) throw viewsChanged(answer);
        this.#saved.set(mark, given.offsets);
      }),
    );
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#following.map(({ reader }) => reader.close()));
    await this.#running;
  }

  async #open(view: FollowedView, from: readonly number[] | undefined): Promise<void> {
    const { log, metrics, logger } = this.#environment;
    const undecodable = undecodableRecords(metrics);
    const reader = await TopicReader.open(log, view.topic, {
      from: from ?? 'start',
      onUndecodable: (place, err) => {
        // The registry is unavailable, say: the record is read again.
        if (err instanceof RetryableError || !(err instanceof MillraceError) || err instanceof InvariantError)
          throw err;
        undecodable.inc({ topic: place.topic });
        logger.error({ err, ...place }, 'an undecodable record is skipped');
      },
    });
    const first = reader.positions;
    this.#following.push({ view, reader, first, offsets: first });
  }

  /** Reads ahead while the server takes what was read before. */
  async #follow(following: Following): Promise<void> {
    const { reader } = following;
    const { signal } = this.#closing;
    let writing: Promise<void> = Promise.resolve();
    try {
      while (!signal.aborted) {
        const records = await reader.poll(POLL_MS);
        const offsets = reader.positions;
        await writing;
        writing = this.#write(following, records, offsets).catch((error) => this.#fail(error));
      }
    } finally {
      await writing;
    }
  }

  async #write(
    following: Following,
    records: readonly TopicRecord<string, Buffer>[],
    offsets: readonly number[],
  ): Promise<void> {
    // What has failed before may be missing: what comes after it is not to count.
    if (this.#closing.signal.aborted) return;
    const { view, reader } = following;
    if (records.length > 0) {
      await this.#rows.write(view, records, { expire: this.#isLive(reader.newestWatermark) });
    }
    following.offsets = offsets;
    this.#advanced.resolve();
    this.#advanced = Promise.withResolvers();
  }

  async #saveAgain(): Promise<void> {
    const { clock } = this.#environment;
    const { signal } = this.#closing;
    let before = '';
    let rounds = 0;
    while (!signal.aborted) {
      await clock.sleep(SAVE_MS, signal);
      if (signal.aborted) return;
      const offsets = this.#following.map((following) => following.offsets.join()).join(';');
      if (offsets === before && ++rounds * SAVE_MS < HEARTBEAT_MS) continue;
      await this.save();
      before = offsets;
      rounds = 0;
    }
  }

  /** An imported world's clock stands still while ours goes on: there, rows must not expire by ours. */
  #isLive(watermark: number): boolean {
    const wallNow = this.#environment.clock.now();
    return watermark !== Number.NEGATIVE_INFINITY && worldNow({ watermark, wallNow }) === wallNow;
  }

  #progress(entity: Entity) {
    const ofEntity = this.#following.filter(({ view }) => view.entity === entity);
    return {
      savedAt: this.#environment.clock.now(),
      watermark: Math.max(...ofEntity.map(({ reader }) => reader.newestWatermark)),
      offsets: ofEntity.flatMap(({ offsets }) => offsets),
    };
  }

  #first(entity: Entity): readonly number[] {
    return this.#following.filter(({ view }) => view.entity === entity).flatMap(({ first }) => first);
  }

  #entities(): Entity[] {
    const { views } = this.#environment;
    return (['user', 'item'] as const).filter((entity) => viewsOf(views, entity).length > 0);
  }

  #marks(): { entity: Entity; mark: string }[] {
    const { keys } = this.#environment;
    return this.#entities().flatMap((entity) =>
      marksOf(keys, this.#generation, entity).map((mark) => ({ entity, mark })),
    );
  }

  #fail(error: unknown): void {
    if (this.#closing.signal.aborted && errorCode(error) === 'MR_LOG_CLOSED') return;
    this.#failed.reject(error);
    this.#closing.abort();
  }
}

function encodeOffsets(offsets: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(8 * offsets.length);
  for (const [i, offset] of offsets.entries()) bytes.writeDoubleBE(offset, 8 * i);
  return bytes;
}
