import type { Topic, TopicRecord } from '#engine';
import type { ItemState } from '#features';
import type { Item } from '#schemas';
import { type FollowerEnvironment, TopicFollower } from '../topic-follower.ts';
import { encoded, encodedAndChecked } from './encoded-topic.ts';
import { FollowedTopics } from './followed-topics.ts';
import type { ItemChange } from './port.ts';
import { RowArena } from './row-arena.ts';
import type { RowDecoder, ViewTopics } from './row-decoder.ts';

/** Keeps the newest row of each key of a topic in `rows`, and says which key has changed. */
export function followRows(
  environment: FollowerEnvironment,
  topic: Topic<string, Buffer>,
  rows: RowArena,
  changed?: (key: string) => void,
): Promise<TopicFollower<Buffer>> {
  const apply = ({ key, value }: TopicRecord<string, Buffer>) => {
    if (value === null) rows.delete(key);
    else rows.set(key, value);
    changed?.(key);
  };
  return TopicFollower.open(environment, topic, apply);
}

/** The items and their features in the memory of this process, as every view store holds them: part of the port. */
export class Catalogue {
  readonly #topics: ViewTopics;
  readonly #decoder: RowDecoder;
  readonly #items = new RowArena();
  readonly #features = new RowArena();
  readonly #available = new Set<string>();
  readonly #listeners = new Set<(itemId: string, change: ItemChange) => void>();
  readonly #followed = new FollowedTopics();

  private constructor(topics: ViewTopics, decoder: RowDecoder) {
    this.#topics = topics;
    this.#decoder = decoder;
  }

  static async open(
    environment: FollowerEnvironment,
    topics: ViewTopics,
    decoder: RowDecoder,
  ): Promise<Catalogue> {
    const catalogue = new Catalogue(topics, decoder);
    const follow = async (topic: Topic<string, Buffer>, rows: RowArena, changed: (id: string) => void) => {
      catalogue.#followed.add(await followRows(environment, topic, rows, changed));
    };
    try {
      await follow(encoded(topics['item-features-1']), catalogue.#features, (id) =>
        catalogue.#tell(id, 'features'),
      );
      await follow(encodedAndChecked(topics.items), catalogue.#items, (id) => catalogue.#itemChanged(id));
    } catch (error) {
      await catalogue.close();
      throw error;
    }
    return catalogue;
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
    return this.#decoder.itemState(itemId, this.#features.get(itemId));
  }

  watchItems(listener: (itemId: string, change: ItemChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The newest watermark of the items' features, ms of event time; -Infinity when there is none. */
  get watermark(): number {
    return this.#followed.watermark;
  }

  get caughtUp(): Promise<void> {
    return this.#followed.caughtUp;
  }

  notReady(): string | undefined {
    return this.#followed.notReady();
  }

  close(): Promise<void> {
    return this.#followed.close();
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
