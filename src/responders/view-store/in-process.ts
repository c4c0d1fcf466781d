import type { Serde, Topic, TopicRecord } from '#engine';
import { asOfRows, type ItemState, itemFeaturesView, userFeaturesView } from '#features';
import {
  type Counter,
  hashUser,
  InvariantError,
  type Logger,
  MillraceError,
  RetryableError,
} from '#platform';
import { type Item, type ViewState, writerSchemaId } from '#schemas';
import type { Topics } from '#topologies';
import { type FollowerEnvironment, TopicFollower, undecodableRecords } from '../topic-follower.ts';
import type { ItemChange, UserRows, ViewStore } from './port.ts';
import { RowArena } from './row-arena.ts';

const userRows = asOfRows(userFeaturesView);
const itemRows = asOfRows(itemFeaturesView);

export type ViewTopics = Pick<Topics, 'user-features-1' | 'item-features-1' | 'users' | 'items'>;

/**
 * All rows in the memory of this process, encoded as they were read and decoded when they are asked for: a million
 * users fit, and reading a topic costs no more than copying it.
 */
export class InProcessViewStore implements ViewStore {
  readonly #topics: ViewTopics;
  readonly #users = new RowArena();
  readonly #profiles = new RowArena();
  readonly #items = new RowArena();
  readonly #itemFeatures = new RowArena();
  readonly #available = new Set<string>();
  readonly #listeners = new Set<(itemId: string, change: ItemChange) => void>();
  readonly #logger: Logger;
  readonly #undecodable: Counter<'topic'>;
  #followers: readonly TopicFollower<Buffer>[] = [];

  private constructor(topics: ViewTopics, { logger, metrics }: FollowerEnvironment) {
    this.#topics = topics;
    this.#logger = logger;
    this.#undecodable = undecodableRecords(metrics);
  }

  /** Starts to read; `caughtUp` says when everything is there. */
  static async open(environment: FollowerEnvironment, topics: ViewTopics): Promise<InProcessViewStore> {
    const store = new InProcessViewStore(topics, environment);
    const followers: TopicFollower<Buffer>[] = [];
    store.#followers = followers;
    const keep = async (topic: Topic<string, Buffer>, rows: RowArena, changed?: (key: string) => void) => {
      const apply = ({ key, value }: TopicRecord<string, Buffer>) => {
        if (value === null) rows.delete(key);
        else rows.set(key, value);
        changed?.(key);
      };
      followers.push(await TopicFollower.open(environment, topic, apply));
    };
    try {
      await keep(encoded(topics['user-features-1']), store.#users);
      await keep(encoded(topics['item-features-1']), store.#itemFeatures, (id) =>
        store.#tell(id, 'features'),
      );
      await keep(encodedAndChecked(topics.users), store.#profiles);
      await keep(encodedAndChecked(topics.items), store.#items, (id) => store.#itemChanged(id));
    } catch (error) {
      await store.close();
      throw error;
    }
    return store;
  }

  async user(userId: string): Promise<UserRows> {
    const profile = this.#profiles.get(userId);
    return {
      state: this.#read('user-features-1', this.#users, userId, (row) =>
        userRows.live(userRows.fromViewState(row)),
      ),
      profile: profile === undefined ? null : this.#topics.users.value.decode(profile),
    };
  }

  item(itemId: string): Item | undefined {
    const row = this.#items.get(itemId);
    return row && this.#topics.items.value.decode(row);
  }

  isAvailable(itemId: string): boolean {
    return this.#available.has(itemId);
  }

  availableItems(): Iterable<string> {
    return this.#available;
  }

  itemState(itemId: string): ItemState | undefined {
    const live = (row: ViewState) => itemRows.live(itemRows.fromViewState(row));
    return this.#read('item-features-1', this.#itemFeatures, itemId, live);
  }

  watchItems(listener: (itemId: string, change: ItemChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get watermark(): number {
    return Math.max(...this.#followers.map((follower) => follower.watermark));
  }

  get caughtUp(): Promise<void> {
    return Promise.all(this.#followers.map((follower) => follower.caughtUp)).then(() => {});
  }

  notReady(): string | undefined {
    const reasons = this.#followers.flatMap((follower) => follower.notReady() ?? []);
    return reasons.length === 0 ? undefined : reasons.join(', ');
  }

  async close(): Promise<void> {
    await Promise.all(this.#followers.map((follower) => follower.close()));
  }

  /** A damaged row is none: one answer is poorer, and that is counted. */
  #read<T>(
    topic: 'user-features-1' | 'item-features-1',
    rows: RowArena,
    key: string,
    live: (row: ViewState) => T,
  ): T | undefined {
    const row = rows.get(key);
    if (row === undefined) return undefined;
    try {
      return live(this.#topics[topic].value.decode(row));
    } catch (err) {
      if (!(err instanceof MillraceError) || err instanceof InvariantError) throw err;
      this.#undecodable.inc({ topic });
      this.#logger.error({ err, topic, key: hashUser(key) }, 'a row could not be decoded and is left out');
      return undefined;
    }
  }

  #itemChanged(itemId: string): void {
    if (this.item(itemId)?.available === true) this.#available.add(itemId);
    else this.#available.delete(itemId);
    this.#tell(itemId, 'item');
  }

  #tell(itemId: string, change: ItemChange): void {
    for (const listener of this.#listeners) listener(itemId, change);
  }
}

/** The topic with its values left as bytes, once the schema is loaded that decoding them later will need. */
function encoded<V>(topic: Topic<string, V>): Topic<string, Buffer> {
  const loaded = new Set<number>();
  const { value } = topic;
  return withBytes(topic, {
    decode: (bytes) => {
      const schema = writerSchemaId(bytes);
      if (loaded.has(schema)) return bytes;
      throw new RetryableError(
        'MR_SCHEMA_NOT_LOADED',
        `Schema ${schema} of ${topic.name} was not asked for yet.`,
      );
    },
    prepare: async (bytes) => {
      await value.prepare(bytes);
      loaded.add(writerSchemaId(bytes));
    },
  });
}

/** For topics that others than the engine write: what can't be decoded is found out when it is read. */
function encodedAndChecked<V>(topic: Topic<string, V>): Topic<string, Buffer> {
  const { value } = topic;
  return withBytes(topic, {
    decode: (bytes) => {
      value.decode(bytes);
      return bytes;
    },
    prepare: (bytes) => value.prepare(bytes),
  });
}

function withBytes<V>(
  topic: Topic<string, V>,
  serde: Pick<Serde<Buffer>, 'decode' | 'prepare'>,
): Topic<string, Buffer> {
  const { fingerprint, framing } = topic.value;
  return { ...topic, value: { ...serde, encode: (bytes) => bytes, fingerprint, framing } };
}
