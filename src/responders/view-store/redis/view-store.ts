import type { ItemState } from '#features';
import { InputError, MillraceError, RetryableError } from '#platform';
import { type Item, writerSchemaId } from '#schemas';
import type { FollowerEnvironment } from '../../topic-follower.ts';
import { Catalogue } from '../catalogue.ts';
import type { ItemChange, UserRows, ViewStore } from '../port.ts';
import { RowDecoder, type ViewTopics } from '../row-decoder.ts';
import { RedisConnection } from './connection.ts';
import { followedViews, viewsOf } from './followed-view.ts';
import { Generations } from './generations.ts';
import { Keyspace } from './keyspace.ts';
import type { RedisLocation } from './redis-url.ts';
import { type FoundRow, RedisRowReader } from './row-reader.ts';
import { ViewsWatch } from './views-watch.ts';

type Parts = {
  readonly topics: ViewTopics;
  readonly decoder: RowDecoder;
  readonly catalogue: Catalogue;
  readonly connection: RedisConnection;
  readonly watch: ViewsWatch;
  readonly rows: RedisRowReader;
};

/** Rows of users out of Redis, where a RedisViewWriter of some process keeps them; the catalogue in this process. */
export class RedisViewStore implements ViewStore {
  readonly #parts: Parts;
  /** Of each topic, the writers' schemas that are loaded. */
  readonly #loaded = { 'user-features-1': new Set<number>(), users: new Set<number>() };

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Errors: those of RedisConnection.open. */
  static async open(
    location: RedisLocation,
    environment: FollowerEnvironment,
    topics: ViewTopics,
  ): Promise<RedisViewStore> {
    const connection = await RedisConnection.open(location, environment.logger);
    const decoder = new RowDecoder(topics, environment);
    try {
      const keys = new Keyspace(connection.namespace);
      const generations = new Generations(connection, keys);
      const views = viewsOf(followedViews(topics), 'user');
      const watch = await ViewsWatch.open({ ...environment, connection, keys, generations, views });
      try {
        const catalogue = await Catalogue.open(environment, topics, decoder);
        const rows = new RedisRowReader(connection);
        return new RedisViewStore({ topics, decoder, catalogue, connection, watch, rows });
      } catch (error) {
        await watch.close();
        throw error;
      }
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async user(userId: string): Promise<UserRows> {
    const [rows] = await this.users([userId]);
    return rows as UserRows;
  }

  async users(userIds: readonly string[]): Promise<readonly UserRows[]> {
    const { watch, rows } = this.#parts;
    await watch.requireUpToDate();
    const found = await rows.read(
      userIds.flatMap((key) => [
        { entity: 'user', topic: 'user-features-1', key },
        { entity: 'user', topic: 'users', key },
      ]),
    );
    return Promise.all(
      userIds.map(async (userId, i) => ({
        state: await this.#decode('user-features-1', userId, found[2 * i], (row) =>
          this.#parts.decoder.userState(userId, row),
        ),
        profile:
          (await this.#decode('users', userId, found[2 * i + 1], (row) =>
            this.#parts.decoder.profile(userId, row),
          )) ?? null,
      })),
    );
  }

  item(itemId: string): Item | undefined {
    return this.#parts.catalogue.item(itemId);
  }

  isAvailable(itemId: string): boolean {
    return this.#parts.catalogue.isAvailable(itemId);
  }

  availableItems(): Iterable<string> {
    return this.#parts.catalogue.availableItems();
  }

  itemState(itemId: string): ItemState | undefined {
    return this.#parts.catalogue.itemState(itemId);
  }

  watchItems(listener: (itemId: string, change: ItemChange) => void): () => void {
    return this.#parts.catalogue.watchItems(listener);
  }

  get watermark(): number {
    return Math.max(this.#parts.watch.watermark, this.#parts.catalogue.watermark);
  }

  get caughtUp(): Promise<void> {
    return Promise.all([this.#parts.watch.caughtUp, this.#parts.catalogue.caughtUp]).then(() => {});
  }

  notReady(): string | undefined {
    const reasons = [this.#parts.watch.notReady(), this.#parts.catalogue.notReady()].filter(Boolean);
    return reasons.length === 0 ? undefined : reasons.join(', ');
  }

  async close(): Promise<void> {
    await Promise.all([this.#parts.watch.close(), this.#parts.catalogue.close()]);
    this.#parts.connection.close();
  }

  async #decode<T>(
    topic: 'user-features-1' | 'users',
    key: string,
    found: FoundRow,
    decode: (row: Buffer) => T,
  ): Promise<T | undefined> {
    if (found === undefined) return undefined;
    try {
      if (found === 'damaged') throw new InputError('MR_VIEWS_ROW_DAMAGED', 'What lies in Redis is no row.');
      this.#parts.watch.noteRead(topic, found.partition, found.offset);
      await this.#loadSchema(topic, found.value);
    } catch (error) {
      if (!(error instanceof MillraceError) || error instanceof RetryableError) throw error;
      this.#parts.decoder.leaveOut(topic, key, error);
      return undefined;
    }
    return decode(found.value);
  }

  /** A row may have been written by a newer process, with a schema that this one has not met. */
  async #loadSchema(topic: 'user-features-1' | 'users', row: Buffer): Promise<void> {
    const schema = writerSchemaId(row);
    if (this.#loaded[topic].has(schema)) return;
    await this.#parts.topics[topic].value.prepare(row);
    this.#loaded[topic].add(schema);
  }
}
