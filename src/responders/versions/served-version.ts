import { join } from 'node:path';
import { openVersion, retrievalModelOf, type UserInput, VOCABULARY_FILE, Vocabulary } from '#models';
import type { Candidate, ContextFeatures, Profile } from '#schemas';
import type { ScoredItem } from './indexed-items.ts';
import { type ItemFinder, openFinder } from './item-finder.ts';
import type { LiveIndexOptions } from './live-index.ts';
import { mismatch } from './mismatch.ts';
import { Uses } from './uses.ts';

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

/**
 * A version in memory: what finds items, and the vocabulary, all of one directory. It counts the requests that use it, so that
 * one in flight ends with the version that it began with; the last of them lets a retired version go.
 */
export class ServedVersion {
  readonly id: string;
  readonly #finder: ItemFinder;
  readonly #vocabulary: Vocabulary;
  readonly #uses: Uses;

  private constructor(id: string, finder: ItemFinder, vocabulary: Vocabulary) {
    this.id = id;
    this.#finder = finder;
    this.#vocabulary = vocabulary;
    this.#uses = new Uses(() => finder.close());
  }

  /**
   * Reads and verifies the directory, and proves the version by a real request. Errors: MR_VERSION_MISSING,
   * MR_VERSION_CORRUPT, and those of the model and the index.
   */
  static async load(candidate: Candidate, options: LiveIndexOptions): Promise<ServedVersion> {
    const files = await openVersion(join(options.dataDirectory, candidate.directory));
    if (files.version !== candidate.version) {
      throw mismatch(candidate.version, `its event names the directory of version ${files.version}`);
    }
    const model = retrievalModelOf(files.manifest.model);
    if (model === undefined)
      throw mismatch(files.version, `no model that finds items is named ${files.manifest.model} here`);
    const vocabulary = Vocabulary.parse(files.read(VOCABULARY_FILE));
    const finder = await openFinder(model, files, vocabulary, options);
    const version = new ServedVersion(files.version, finder, vocabulary);
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
    return this.#finder.find(this.#inputOf(query), query.k, query.seenItems);
  }

  /** The scores of these items for a user, in the order given, without those that the model does not know. */
  async score(query: Omit<VersionQuery, 'k'>, items: readonly string[]): Promise<ScoredItem[]> {
    return this.#finder.score(this.#inputOf(query), items);
  }

  /**
   * The items most like another one, most alike first; undefined where the model does not say, and none for an item that
   * it does not know.
   */
  similar(itemId: string, k: number): ScoredItem[] | undefined {
    return this.#finder.similar?.(itemId, k);
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

  #inputOf({ userId, profile, context, recentItems }: Omit<VersionQuery, 'k'>): UserInput {
    return {
      user: this.#vocabulary.userIndex(userId),
      history: this.#vocabulary.historyIndices(recentItems),
      profile: this.#vocabulary.profileValues(profile),
      context: this.#vocabulary.contextValues(context),
    };
  }

  async #warmUp(): Promise<void> {
    const nobody = { userId: '', profile: null, context: null, recentItems: [], seenItems: [] };
    const scored = await this.recommend({ ...nobody, k: 10 });
    const wrong = scored.find(({ score }) => !Number.isFinite(score));
    if (wrong !== undefined) throw mismatch(this.id, `it scores item ${wrong.itemId} with ${wrong.score}`);
  }
}
