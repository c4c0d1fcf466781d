import { readableRecords, type Topic } from '#engine';
import type { Log } from '#log';
import type { Logger } from '#platform';
import type { OpenedView, Topics } from '#topologies';
import { opaque } from '../encoded-topic.ts';
import { moduleView } from '../stored-views.ts';
import { RedisConnection } from './connection.ts';
import { type FollowedView, followedView, followedViews, viewsOf } from './followed-view.ts';
import { Generations } from './generations.ts';
import { type Entity, Keyspace, SHARDS, shardOf } from './keyspace.ts';
import { marksOf, stableEnds } from './progress.ts';
import type { RedisLocation } from './redis-url.ts';
import { decodeRow } from './row-format.ts';
import { decodeMark } from './shard-mark.ts';

export type RowsVerification = {
  /** Rows held against their topics. */
  readonly rows: number;
  /** False where there are no rows of some views: the next start builds them from the log. */
  readonly isBuilt: boolean;
  /** What is wrong, the first of it: view, key, and which record should have been there. */
  readonly problems: readonly string[];
  /** Why nothing can be said. */
  readonly unknown?: string;
};

export type VerifyRowsOptions = {
  readonly log: Log;
  readonly logger: Logger;
  readonly topics: Topics;
  /** The views of modules that are kept in Redis. */
  readonly modules: readonly OpenedView[];
  readonly now: () => number;
  /** The share of the rows that is read; 1. */
  readonly share?: number;
  readonly random?: () => number;
  readonly signal?: AbortSignal;
};

const PAGE = 256;
const MOST_PROBLEMS = 20;

/**
 * Holds the rows of the live generation in Redis against the records that they come from: each row has to be the newest
 * record of its key, or, while a writer works, a newer one that the topic has by now. Marks that are ahead of the log, rows
 * that no topic knows and rows that are missing are found as well. Holds a topic's newest records in memory. Writes
 * nothing. Errors: those of RedisConnection.
 */
export async function verifyRedisRows(
  location: RedisLocation,
  options: VerifyRowsOptions,
): Promise<RowsVerification> {
  const connection = await RedisConnection.open(location, options.logger);
  try {
    const keys = new Keyspace(connection.namespace);
    const groups = [
      { keys, views: followedViews(options.topics) },
      ...options.modules.map((module) => ({
        keys: keys.ofModule(module.view),
        views: [followedView(moduleView(module))],
      })),
    ];
    const check = new RowsCheck(connection, options);
    for (const group of groups) {
      const unknown = await check.group(group.keys, group.views);
      const { rows, isBuilt, problems } = check;
      if (unknown !== undefined) return { rows, isBuilt, problems, unknown };
    }
    const { rows, isBuilt, problems } = check;
    return { rows, isBuilt, problems };
  } finally {
    connection.close();
  }
}

/** The newest record of a key, of each partition that it came from. */
type Newest = {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly value: Buffer | null;
  readonly isOfSeveral: boolean;
};

class RowsCheck {
  rows = 0;
  isBuilt = true;
  readonly problems: string[] = [];
  readonly #connection: RedisConnection;
  readonly #options: VerifyRowsOptions;

  constructor(connection: RedisConnection, options: VerifyRowsOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Returns why nothing can be said. */
  async group(keys: Keyspace, views: readonly FollowedView[]): Promise<string | undefined> {
    const generations = new Generations(this.#connection, keys);
    const generation = await generations.live();
    if (generation === undefined) {
      this.isBuilt = false;
      return undefined;
    }
    // Read before the rows: what lies below these offsets is there.
    const offsets = await this.#marks(keys, generation, views);
    const rows = this.rows;
    const found = this.problems.length;
    for (const view of views) await this.#view(keys, generation, view, offsets);
    if ((await generations.live()) === generation) return undefined;
    // Another one has taken its place, and this one is being removed.
    this.rows = rows;
    this.problems.length = found;
    return 'the views in Redis were built again meanwhile';
  }

  /** By entity and shard the offsets below which everything is there, in the order of the views and their partitions. */
  async #marks(keys: Keyspace, generation: string, views: readonly FollowedView[]) {
    const { log } = this.#options;
    const marks = new Map<Entity, readonly (readonly number[] | undefined)[]>();
    const read = new Map<Entity, readonly (Buffer | null)[]>();
    for (const entity of new Set(views.map((view) => view.entity)))
      read.set(entity, await this.#connection.mget(marksOf(keys, generation, entity)));
    const ends = await stableEnds(log, views);
    for (const [entity, bytes] of read) {
      const of = viewsOf(views, entity);
      const limits = of.flatMap(({ topic }) => ends.get(topic.name) ?? []);
      const ofEntity = bytes.map((each, shard) => {
        const mark = decodeMark(each, limits.length);
        const wrong = mark?.offsets.findIndex((offset, i) => !(offset >= 0 && offset <= (limits[i] ?? 0)));
        if (mark !== undefined && wrong === -1) return mark.offsets;
        const what = mark === undefined ? 'can’t be read' : 'is ahead of the log';
        this.#problem(`the mark of ${entity} shard ${shard} ${what}`);
        return undefined;
      });
      marks.set(entity, ofEntity);
    }
    return (view: FollowedView, shard: number): readonly number[] => {
      const before = viewsOf(views, view.entity);
      const at = before.slice(0, before.indexOf(view)).reduce((sum, { topic }) => sum + topic.partitions, 0);
      return marks.get(view.entity)?.[shard]?.slice(at, at + view.topic.partitions) ?? [];
    };
  }

  async #view(
    keys: Keyspace,
    generation: string,
    view: FollowedView,
    offsets: (view: FollowedView, shard: number) => readonly number[],
  ): Promise<void> {
    const { share = 1, random = Math.random, signal } = this.#options;
    const newest = await newestOf(this.#options.log, opaque(view.topic));
    const chosen = [...newest.keys()].filter(() => share >= 1 || random() < share);
    for (let at = 0; at < chosen.length; at += PAGE) {
      signal?.throwIfAborted();
      const page = chosen.slice(at, at + PAGE);
      const stored = await this.#connection.mget(page.map((key) => this.#keyOf(keys, generation, view, key)));
      for (const [i, key] of page.entries()) {
        this.rows++;
        const expected = newest.get(key) as Newest;
        const isThere = expected.offset < (offsets(view, shardOf(key))[expected.partition] ?? 0);
        const problem = await this.#row(view, key, stored[i] ?? null, { expected, isThere });
        if (problem !== undefined) this.#problem(`${view.topic.name} ${JSON.stringify(key)}: ${problem}`);
      }
    }
    await this.#unknownRows(keys, generation, view, newest);
  }

  /** `isThere`: the marks say so. */
  async #row(
    view: FollowedView,
    key: string,
    bytes: Buffer | null,
    { expected, isThere }: { readonly expected: Newest; readonly isThere: boolean },
  ): Promise<string | undefined> {
    const record = `offset ${expected.offset} of partition ${expected.partition}`;
    if (bytes === null) {
      if (!isThere || expected.value === null || this.#mayHaveExpired(view, expected)) return undefined;
      return `the row is missing; it was written at ${record}`;
    }
    const row = decodeRow(bytes);
    if (row === undefined) return `the row is damaged; it was written at ${record}`;
    // A flipped sign makes -0 of 0, which equals it.
    const isNewest = row.partition === expected.partition && Object.is(row.offset, expected.offset);
    if (isNewest && isSame(row, expected)) return undefined;
    if (isNewest) return `the row is not what was written at ${record}`;
    if (expected.isOfSeveral && row.partition !== expected.partition) return undefined;
    const isOlder = row.partition === expected.partition && row.offset < expected.offset;
    // Compaction has taken the record that it was.
    if (isOlder && !isThere) return undefined;
    if (isOlder) return `the row is of offset ${row.offset}; its newest record is ${record}`;
    const now = await recordAt(this.#options.log, view.topic.name, key, row);
    if (now !== undefined && isSame(row, now)) return undefined;
    return `the row says offset ${row.offset} of partition ${row.partition}; its newest record is ${record}`;
  }

  #mayHaveExpired({ rowTtlMs }: FollowedView, { timestamp }: Newest): boolean {
    return rowTtlMs !== null && timestamp + rowTtlMs < this.#options.now();
  }

  async #unknownRows(
    keys: Keyspace,
    generation: string,
    view: FollowedView,
    newest: ReadonlyMap<string, Newest>,
  ): Promise<void> {
    const { signal } = this.#options;
    const places = Array.from({ length: SHARDS }, (_, shard) =>
      keys.row(keys.mark(generation, view.entity, shard), view.topic.name, ''),
    );
    const unknown: { readonly stored: string; readonly key: string }[] = [];
    for await (const page of this.#connection.scan(keys.patternOf(generation), PAGE)) {
      signal?.throwIfAborted();
      for (const stored of page) {
        const place = places.find((each) => stored.startsWith(each));
        const key = stored.slice(place?.length);
        if (place !== undefined && !newest.has(key)) unknown.push({ stored, key });
      }
    }
    for (let at = 0; at < unknown.length; at += PAGE) {
      const page = unknown.slice(at, at + PAGE);
      const found = await this.#connection.mget(page.map(({ stored }) => stored));
      for (const [i, { stored, key }] of page.entries()) {
        const bytes = found[i] ?? null;
        const row = bytes === null ? undefined : decodeRow(bytes);
        // A tombstone outlives its record; what has come since the topic was read has its record by now.
        if (bytes === null || row?.value === null) continue;
        const now = row && (await recordAt(this.#options.log, view.topic.name, key, row));
        if (now !== undefined && row !== undefined && isSame(row, now)) continue;
        this.#problem(`${view.topic.name}: no record stands for ${stored}`);
      }
    }
  }

  #keyOf(keys: Keyspace, generation: string, { entity, topic }: FollowedView, key: string): string {
    return keys.row(keys.mark(generation, entity, shardOf(key)), topic.name, key);
  }

  #problem(problem: string): void {
    if (this.problems.length < MOST_PROBLEMS) this.problems.push(problem);
  }
}

function isSame(
  row: { readonly timestamp: number; readonly value: Buffer | null },
  record: { readonly timestamp: number; readonly value: Buffer | null },
): boolean {
  if (!Object.is(row.timestamp, record.timestamp)) return false;
  return row.value === null || record.value === null
    ? row.value === record.value
    : row.value.equals(record.value);
}

async function newestOf(log: Log, topic: Topic<string, Buffer>): Promise<ReadonlyMap<string, Newest>> {
  const newest = new Map<string, Newest>();
  for await (const records of readableRecords(log, topic)) {
    for (const { key, partition, offset, timestamp, value } of records) {
      const before = newest.get(key);
      const isOfSeveral = before !== undefined && (before.isOfSeveral || before.partition !== partition);
      newest.set(key, {
        partition,
        offset,
        timestamp,
        value: value === null ? null : Buffer.from(value),
        isOfSeveral,
      });
    }
  }
  return newest;
}

/** The record of a key at an offset; undefined where there is none there. */
async function recordAt(
  log: Log,
  topic: string,
  key: string,
  { partition, offset }: { readonly partition: number; readonly offset: number },
): Promise<{ readonly timestamp: number; readonly value: Buffer | null } | undefined> {
  const [description] = await log.describeTopics([topic]);
  const bounds = description?.offsets[partition];
  const isWithin = bounds !== undefined && offset >= bounds.start && offset < bounds.stable;
  if (!isWithin || !Number.isSafeInteger(offset)) return undefined;
  const consumer = await log.consumer();
  try {
    const place = { topic, partition };
    consumer.assign([{ ...place, offset }]);
    while ((consumer.position(place) ?? offset) <= offset) {
      for (const batch of await consumer.poll(1_000)) {
        for (let i = 0; i < batch.count; i++)
          if (batch.offset(i) === offset && batch.keyText(i) === key)
            return {
              timestamp: batch.timestamp(i),
              value: batch.value(i) && Buffer.from(batch.value(i) as Buffer),
            };
      }
    }
    return undefined;
  } finally {
    await consumer.close();
  }
}
