import { join } from 'node:path';
import { FlatIndex, openVersion, type Ranked, TwoTowerVocabulary } from '#models';
import { FatalError, type Metrics } from '#platform';
import type { Candidate, ContextFeatures, Profile } from '#schemas';
import { InferenceThread } from '../inference/inference-thread.ts';
import type { ViewStore } from '../view-store/port.ts';
import { Uses } from './uses.ts';

export type ScoredItem = { readonly itemId: string; readonly score: number };

export type VersionQuery = {
  readonly userId: string;
  readonly profile: Profile | null;
  /** Of the moment; null where nothing is known of it. */
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
 * A version in memory: tower, index and vocabulary, all of one directory. It counts the requests that use it, so that
 * one in flight ends with the version that it began with; the last of them lets a retired version go.
 */
export class ServedVersion {
  readonly id: string;
  readonly #thread: InferenceThread;
  readonly #index: FlatIndex;
  readonly #vocabulary: TwoTowerVocabulary;
  readonly #views: ViewStore;
  /** Bitmap of the items that are not in the catalogue, or not available. */
  readonly #unavailable: Uint8Array;
  readonly #unwatch: () => void;
  readonly #uses: Uses;

  private constructor(
    id: string,
    thread: InferenceThread,
    index: FlatIndex,
    vocabulary: TwoTowerVocabulary,
    views: ViewStore,
  ) {
    this.id = id;
    this.#thread = thread;
    this.#index = index;
    this.#vocabulary = vocabulary;
    this.#views = views;
    this.#unavailable = new Uint8Array((index.count + 7) >> 3);
    for (let item = 0; item < index.count; item++) this.#noteAvailability(vocabulary.itemId(item), item);
    this.#unwatch = views.watchItems((itemId, change) => {
      if (change === 'item') this.#noteAvailability(itemId, vocabulary.itemIndex(itemId));
    });
    this.#uses = new Uses(() => {
      this.#unwatch();
      return thread.close();
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
    const vocabulary = TwoTowerVocabulary.parse(files.read('vocabulary.json'));
    const index = FlatIndex.load(files.read('items.index'));
    if (vocabulary.itemCount !== index.count) {
      throw mismatch(
        files.version,
        `its vocabulary has ${vocabulary.itemCount} items, its index ${index.count}`,
      );
    }
    const thread = await InferenceThread.start(
      { model: files.manifest.model, tower: files.read('user-tower.onnx') },
      metrics,
    );
    const version = new ServedVersion(files.version, thread, index, vocabulary, views);
    try {
      if (thread.dimension !== index.dim) {
        throw mismatch(
          files.version,
          `its tower gives ${thread.dimension} numbers, its index has ${index.dim}`,
        );
      }
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

  /** The best items by the product of user and item vector, best first. */
  async recommend(query: VersionQuery): Promise<ScoredItem[]> {
    const { userId, profile, context, recentItems, seenItems, k } = query;
    const vector = await this.#thread.encode({
      user: this.#vocabulary.userIndex(userId),
      history: this.#vocabulary.historyIndices(recentItems),
      profile: this.#vocabulary.profileValues(profile),
      context: this.#vocabulary.contextValues(context),
    });
    const { ids, scores } = this.#search(vector, seenItems, k);
    return Array.from(ids, (item, rank) => {
      return { itemId: this.#vocabulary.itemId(item), score: scores[rank] as number };
    });
  }

  /** Resolves with the reason when its thread ends by itself. */
  get died(): Promise<Error> {
    return this.#thread.died;
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

  #search(vector: Float32Array, seenItems: readonly string[], k: number): Ranked {
    const exclude = this.#unavailable.slice();
    for (const itemId of seenItems) setBit(exclude, this.#vocabulary.itemIndex(itemId), true);
    return this.#index.search(vector, k, { exclude });
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
    hint: 'Train again; the version that was served before goes on.',
  });
}
