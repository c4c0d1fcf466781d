import type { TopicRecord } from '#engine';
import { userOfKey } from '#features';
import { type Counter, type Metrics, RetryableError } from '#platform';
import type { RedisConnection } from './connection.ts';
import type { FollowedView } from './followed-view.ts';
import { type Keyspace, shardOf } from './keyspace.ts';
import { encodeRow } from './row-format.ts';
import { putRows, REFUSED } from './scripts.ts';

/** A script holds up everybody's reads for as long as it runs: some tenths of a millisecond. */
const SCRIPT_ROWS = 64;
const SCRIPT_BYTES = 128 * 1024;

export type WriteOptions = {
  /** Whether rows get the expiry of their view: not where the world's clock is not the wall clock. */
  readonly expire: boolean;
};

/** Writes rows of view topics into one generation, each under the guard of its offset. */
export class RowWriter {
  readonly #connection: RedisConnection;
  readonly #keys: Keyspace;
  readonly #generation: string;
  readonly #written: Counter<'topic'>;
  readonly #superseded: Counter<'topic'>;

  constructor(
    { connection, keys, metrics }: { connection: RedisConnection; keys: Keyspace; metrics: Metrics },
    generation: string,
  ) {
    this.#connection = connection;
    this.#keys = keys;
    this.#generation = generation;
    this.#written = metrics.counter('view_rows_written_total', 'Rows written to Redis.', ['topic']);
    const help = 'Rows not written to Redis because newer ones were present.';
    this.#superseded = metrics.counter('view_rows_superseded_total', help, ['topic']);
  }

  /**
   * Resolves when the server has taken the newest of these records of each key, or had newer ones. Errors:
   * MR_VIEWS_CHANGED; those of RedisConnection, after which any part of them may be there.
   */
  async write(
    view: FollowedView,
    records: readonly TopicRecord<string, Buffer>[],
    { expire }: WriteOptions,
  ): Promise<void> {
    const shards = new Map<number, Batch>();
    const scripts: Promise<void>[] = [];
    for (const record of newestOf(records)) {
      const shard = shardOf(record.key);
      let batch = shards.get(shard);
      if (batch === undefined) {
        batch = new Batch(this.#keys.mark(this.#generation, view.entity, shard));
        shards.set(shard, batch);
      }
      const key = this.#keys.row(batch.mark, view.topic.name, record.key);
      batch.add(userOfKey(record.key), key, encodeRow(record), ttlOf(view, record, expire));
      if (!batch.isFull) continue;
      scripts.push(this.#put(view, batch));
      shards.delete(shard);
    }
    for (const batch of shards.values()) scripts.push(this.#put(view, batch));
    await allSettled(scripts);
  }

  async #put({ topic, entity }: FollowedView, { users, keys, args, rows }: Batch): Promise<void> {
    const put = await this.#connection.run(putRows, keys, args);
    if (put < 0) throw viewsChanged(put);
    this.#written.inc({ topic: topic.name }, put);
    this.#superseded.inc({ topic: topic.name }, rows - put);
    if (entity === 'user' && put > 0)
      await this.#connection.publish(this.#keys.changed, JSON.stringify([...users]));
  }
}

/** The newest record of each key; of a key that comes from several partitions, at least the newest of each. */
function newestOf(records: readonly TopicRecord<string, Buffer>[]): Iterable<TopicRecord<string, Buffer>> {
  const newest = new Map<string, TopicRecord<string, Buffer>>();
  const ofOtherPartitions: TopicRecord<string, Buffer>[] = [];
  for (const record of records) {
    const before = newest.get(record.key);
    if (before !== undefined && before.partition !== record.partition) ofOtherPartitions.push(before);
    newest.set(record.key, record);
  }
  return ofOtherPartitions.length === 0 ? newest.values() : [...ofOtherPartitions, ...newest.values()];
}

class Batch {
  readonly mark: string;
  readonly keys: string[];
  readonly args: (Buffer | string)[] = [];
  readonly users = new Set<string>();
  #bytes = 0;

  constructor(mark: string) {
    this.mark = mark;
    this.keys = [mark];
  }

  get rows(): number {
    return this.keys.length - 1;
  }

  get isFull(): boolean {
    return this.rows >= SCRIPT_ROWS || this.#bytes >= SCRIPT_BYTES;
  }

  add(userId: string, key: string, row: Buffer, ttlMs: number | null): void {
    this.users.add(userId);
    this.keys.push(key);
    this.args.push(row, String(ttlMs ?? 0));
    this.#bytes += row.length;
  }
}

function ttlOf(view: FollowedView, { value }: TopicRecord<string, Buffer>, expire: boolean): number | null {
  if (value === null) return view.tombstoneTtlMs;
  return expire ? view.rowTtlMs : null;
}

/** Rejects with the first failure, but only when nothing is under way any more. */
async function allSettled(work: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** What the answer of a script that has refused means. */
export function viewsChanged(answer: number): RetryableError {
  const what =
    answer === REFUSED.sealed
      ? 'is sealed: another one replaces it'
      : answer === REFUSED.setBack
        ? 'is older than before: Redis came back with older data'
        : 'is gone';
  return new RetryableError('MR_VIEWS_CHANGED', `The revision of the views being written ${what}.`);
}
