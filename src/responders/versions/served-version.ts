import { join } from 'node:path';
import { openVersion, type Ranked, retrievalModelOf, VOCABULARY_FILE, Vocabulary } from '#models';
import { FatalError, type Metrics } from '#platform';
import type { Candidate, ContextFeatures, Profile } from '#schemas';
import type { ViewStore } from '../view-store/port.ts';
import { type ItemFinder, openFinder } from './item-finder.ts';
import { Uses } from './uses.ts';

export type ScoredItem = { readonly itemId: string; readonly score: number };

export type VersionQuery = {
  readonly userId: string;
  readonly profile: Profile | null;
  /** Context of the request; null if nothing is known of it. */
  readonly context: ContextFeatures | null;
  /** Newest first. */
  readonly recentItems: readonly string[];
  /** Not to be given. */
  readonly seenItems: readonly string[];
  readonly k: number;
};

export type LoadOptions = {
  readonly dataDirectory: string;
  readonly views: ViewStore;
  readonly metrics: Metrics;
};

/**
 * A version in memory: what finds items, and the vocabulary, all of one directory. It counts the requests that use it, so that
 * one in flight ends with the version that it began with; the last of them lets a retired version go.
 */
export class ServedVersion {
  readonly id: string;
  readonly #finder: ItemFinder;
  readonly #vocabulary: Vocabulary;
  readonly #views: ViewStore;
  /** Bitmap of the items that are not in the catalogue, or not available. */
  readonly #unavailable: Uint8Array;
  readonly #unwatch: () => void;
  readonly #uses: Uses;

  private constructor(id: string, finder: ItemFinder, vocabulary: Vocabulary, views: ViewStore) {
    this.id = id;
    this.#finder = finder;
    this.#vocabulary = vocabulary;
    this.#views = views;
    this.#unavailable = new Uint8Array((finder.items + 7) >> 3);
    for (let item = 0; item < finder.items; item++) this.#noteAvailability(vocabulary.itemId(item), item);
    this.#unwatch = views.watchItems((itemId, change) => {
      if (change === 'item') this.#noteAvailability(itemId, vocabulary.itemIndex(itemId));
    });
    this.#uses = new Uses(() => {
      this.#unwatch();
      return finder.close();
    });
  }

  /**
   * Reads and verifies the directory, and proves the version by a real request. Errors: MR_VERSION_MISSING,
   * MR_VERSION_CORRUPT, and those of the model and the index.
   */
  static async load(
    candidate: Candidate,
    { dataDirectory, views, metrics }: LoadOptions,
  ): Promise<ServedVersion> {
    const files = await openVersion(join(dataDirectory, candidate.directory));
    if (files.version !== candidate.version) {
      throw mismatch(candidate.version, `its event names the directory of version ${files.version}`);
    }
    const model = retrievalModelOf(files.manifest.model);
    if (model === undefined)
      throw mismatch(files.version, `no model that finds items is named ${files.manifest.model} here`);
    const vocabulary = Vocabulary.parse(files.read(VOCABULARY_FILE));
    const opened = await openFinder(model, files, metrics);
    if ('problem' in opened) throw mismatch(files.version, opened.problem);
    const { finder } = opened;
    if (vocabulary.itemCount !== finder.items) {
      await finder.close();
      throw mismatch(
        files.version,
        `its vocabulary has ${vocabulary.itemCount} items, its index ${finder.items}`,
      );
    }
    const version = new ServedVersion(files.version, finder, vocabulary, views);
    try {
      await version.#warmUp();
      return version;
    } catch (error) {
      await version.retire();
      throw error;
    }
  }

  /** Whether the model was trained on the user. */
  knows(userId: string): boolean {
    return this.#vocabulary.userIndex(userId) > 0;
  }

  /** The best items by the model's scores, best first. */
  async recommend(query: VersionQuery): Promise<ScoredItem[]> {
    const { userId, profile, context, recentItems, seenItems, k } = query;
    const vocabulary = this.#vocabulary;
    const input = {
      user: vocabulary.userIndex(userId),
      history: vocabulary.historyIndices(recentItems),
      profile: vocabulary.profileValues(profile),
      context: vocabulary.contextValues(context),
    };
    return this.#named(await this.#finder.find(input, k, () => this.#excluding(seenItems)));
  }

  /**
   * The items most like another one, most alike first; undefined where the model does not say, and none for an item that
   * it does not know.
   */
  similar(itemId: string, k: number): ScoredItem[] | undefined {
    const { similar } = this.#finder;
    const item = this.#vocabulary.itemIndex(itemId);
    if (similar === undefined) return undefined;
    return item === undefined ? [] : this.#named(similar(item, k, this.#unavailable));
  }

  /** Resolves with the reason when its thread ends by itself. */
  get died(): Promise<Error> {
    return this.#finder.died;
  }

  /** To be followed by `release`, once. */
  acquire(): void {
    this.#uses.acquire();
  }

  release(): void {
    this.#uses.release();
  }

  /** Gives up the holder's own claim; resolves when nobody uses the version any more and its thread has ended. */
  retire(): Promise<void> {
    return this.#uses.retire();
  }

  #named({ ids, scores }: Ranked): ScoredItem[] {
    return Array.from(ids, (item, rank) => {
      return { itemId: this.#vocabulary.itemId(item), score: scores[rank] as number };
    });
  }

  #excluding(itemIds: readonly string[]): Uint8Array {
    const exclude = this.#unavailable.slice();
    for (const itemId of itemIds) setBit(exclude, this.#vocabulary.itemIndex(itemId), true);
    return exclude;
  }

  #noteAvailability(itemId: string, item: number | undefined): void {
    setBit(this.#unavailable, item, !this.#views.isAvailable(itemId));
  }

  async #warmUp(): Promise<void> {
    const nobody = { userId: '', profile: null, context: null, recentItems: [], seenItems: [] };
    const scored = await this.recommend({ ...nobody, k: 10 });
    const wrong = scored.find(({ score }) => !Number.isFinite(score));
    if (wrong !== undefined) throw mismatch(this.id, `it scores item ${wrong.itemId} with ${wrong.score}`);
  }
}

/** Items that the version does not know have no bit. */
function setBit(bitmap: Uint8Array, item: number | undefined, value: boolean): void {
  if (item === undefined) return;
  const byte = bitmap[item >> 3] as number;
  bitmap[item >> 3] = value ? byte | (1 << (item & 7)) : byte & ~(1 << (item & 7));
}

function mismatch(version: string, problem: string): FatalError {
  return new FatalError('MR_VERSION_CORRUPT', `Version ${version} cannot be served: ${problem}.`, {
    hint: 'Train again; the previously served version stays in use.',
  });
}
