import type { Topic } from '#engine';
import type { ItemState } from '#features';
import type { Item } from '#schemas';
import type { FollowerEnvironment } from '../topic-follower.ts';
import { Catalogue, followRows } from './catalogue.ts';
import { encoded, encodedAndChecked } from './encoded-topic.ts';
import { FollowedTopics } from './followed-topics.ts';
import type { ItemChange, UserRows, ViewStore } from './port.ts';
import { RowArena } from './row-arena.ts';
import { RowDecoder, type ViewTopics } from './row-decoder.ts';

/**
 * All rows in the memory of this process, encoded as they were read and decoded when they are asked for: a million
 * users fit, and reading a topic costs no more than copying it.
 */
export class InProcessViewStore implements ViewStore {
  readonly #decoder: RowDecoder;
  readonly #catalogue: Catalogue;
  readonly #users = new RowArena();
  readonly #profiles = new RowArena();
  readonly #followed = new FollowedTopics();

  private constructor(decoder: RowDecoder, catalogue: Catalogue) {
    this.#decoder = decoder;
    this.#catalogue = catalogue;
  }

  /** Starts to read; `caughtUp` says when everything is there. */
  static async open(environment: FollowerEnvironment, topics: ViewTopics): Promise<InProcessViewStore> {
    const decoder = new RowDecoder(topics, environment);
    const store = new InProcessViewStore(decoder, await Catalogue.open(environment, topics, decoder));
    const follow = async (topic: Topic<string, Buffer>, rows: RowArena) => {
      store.#followed.add(await followRows(environment, topic, rows));
    };
    try {
      await follow(encoded(topics['user-features-1']), store.#users);
      await follow(encodedAndChecked(topics.users), store.#profiles);
    } catch (error) {
      await store.close();
      throw error;
    }
    return store;
  }

  async user(userId: string): Promise<UserRows> {
    return this.#user(userId);
  }

  async users(userIds: readonly string[]): Promise<readonly UserRows[]> {
    return userIds.map((userId) => this.#user(userId));
  }

  item(itemId: string): Item | undefined {
    return this.#catalogue.item(itemId);
  }

  isAvailable(itemId: string): boolean {
    return this.#catalogue.isAvailable(itemId);
  }

  availableItems(): Iterable<string> {
    return this.#catalogue.availableItems();
  }

  itemState(itemId: string): ItemState | undefined {
    return this.#catalogue.itemState(itemId);
  }

  watchItems(listener: (itemId: string, change: ItemChange) => void): () => void {
    return this.#catalogue.watchItems(listener);
  }

  get watermark(): number {
    return Math.max(this.#followed.watermark, this.#catalogue.watermark);
  }

  get caughtUp(): Promise<void> {
    return Promise.all([this.#followed.caughtUp, this.#catalogue.caughtUp]).then(() => {});
  }

  notReady(): string | undefined {
    const reasons = [this.#followed.notReady(), this.#catalogue.notReady()].filter(Boolean);
    return reasons.length === 0 ? undefined : reasons.join(', ');
  }

  async close(): Promise<void> {
    await Promise.all([this.#followed.close(), this.#catalogue.close()]);
  }

  #user(userId: string): UserRows {
    return {
      state: this.#decoder.userState(userId, this.#users.get(userId)),
      profile: this.#decoder.profile(userId, this.#profiles.get(userId)),
    };
  }
}
