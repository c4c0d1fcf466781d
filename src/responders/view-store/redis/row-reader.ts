import { type Logger, RetryableError } from '#platform';
import { RedisConnection } from './connection.ts';
import { Generations } from './generations.ts';
import { type Entity, Keyspace, shardOf } from './keyspace.ts';
import type { RedisLocation } from './redis-url.ts';
import { decodeRow, type StoredRow } from './row-format.ts';
import { isOpen, isSealed } from './shard-mark.ts';

export type RowAddress = { readonly entity: Entity; readonly topic: string; readonly key: string };

/** Undefined: nothing is there, or a tombstone. 'damaged': bytes that are no row. */
export type FoundRow = (StoredRow & { readonly value: Buffer }) | 'damaged' | undefined;

/** Switches that one read may meet. */
const ATTEMPTS = 5;

/**
 * Reads rows of the live generation, many in one MGET. The marks of their shards are read with them: an open one says
 * that no other generation had taken its place at that moment; for any other, which generation is live is asked. So no
 * read sees a row that is older than what another has seen, and none takes rows that are lost for rows that never were.
 */
export class RedisRowReader {
  readonly #connection: RedisConnection;
  readonly #keys: Keyspace;
  readonly #generations: Generations;
  #live: string | undefined;

  constructor(connection: RedisConnection, keys = new Keyspace(connection.namespace)) {
    this.#connection = connection;
    this.#keys = keys;
    this.#generations = new Generations(connection, keys);
  }

  /** Over a connection of its own. Errors: those of RedisConnection.open. */
  static async open(location: RedisLocation, logger: Logger): Promise<RedisRowReader> {
    return new RedisRowReader(await RedisConnection.open(location, logger));
  }

  /** Rows in the order requested. Errors: MR_VIEWS_NOT_BUILT; those of RedisConnection. */
  async read(addresses: readonly RowAddress[]): Promise<readonly FoundRow[]> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      this.#live ??= await this.#generations.live();
      const generation = this.#live;
      if (generation === undefined) break;
      const marks = new Set<string>();
      const rows = addresses.map(({ entity, topic, key }) => {
        const mark = this.#keys.mark(generation, entity, shardOf(key));
        marks.add(mark);
        return this.#keys.row(mark, topic, key);
      });
      const replies = await this.#connection.mget([...marks, ...rows]);
      const found = replies.slice(0, marks.size);
      if (found.every(isOpen)) return replies.slice(marks.size).map(foundRow);
      this.#live = await this.#generations.live();
      if (this.#live !== generation) continue;
      if (found.every((mark) => isOpen(mark) || (mark !== null && isSealed(mark)))) {
        return replies.slice(marks.size).map(foundRow);
      }
      break;
    }
    this.#live = undefined;
    throw new RetryableError('MR_VIEWS_NOT_BUILT', 'The views in Redis are missing or incomplete.', {
      hint: 'Wait until a view writer has built them from the log; check that one runs.',
    });
  }

  close(): void {
    this.#connection.close();
  }
}

function foundRow(bytes: Buffer | null | undefined): FoundRow {
  if (bytes === null || bytes === undefined) return undefined;
  const row = decodeRow(bytes);
  if (row === undefined) return 'damaged';
  const { value } = row;
  return value === null ? undefined : { ...row, value };
}
