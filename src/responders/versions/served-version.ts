import { servingOf, type UserInput, userInputOf, type Vocabulary } from '#models';
import type { Candidate, ContextFeatures, Profile } from '#schemas';
import type { Found } from '../candidates/port.ts';
import { ItemPolicy } from '../filters/item-policy.ts';
import type { Exclusion } from '../filters/request-filter.ts';
import { VersionLoader } from '../loading/version-loader.ts';
import type { ItemVectors } from '../order/port.ts';
import { itemIdOf } from '../view-store/item-numbers.ts';
import { type ItemFinder, openFinder } from './item-finder.ts';
import type { LiveIndexOptions } from './live-index.ts';
import { mismatch } from './mismatch.ts';
import { Uses } from './uses.ts';

/** Who is to be shown items, as the models that find them see it. */
export type VersionUser = {
  readonly userId: string;
  readonly profile: Profile | null;
  /** Context of the request; null if nothing is known of it. */
  readonly context: ContextFeatures | null;
  /** Newest first. */
  readonly recentItems: readonly string[];
  /** Their numbers, below 0 for those without one; ids are looked for where it is absent. */
  readonly recentNumbers?: Int32Array;
};

export type VersionQuery = VersionUser & {
  readonly exclusion: Exclusion;
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
    const loader = await VersionLoader.open(options, candidate.directory);
    let version: ServedVersion;
    try {
      version = await ServedVersion.#from(loader, candidate, options);
    } finally {
      await loader.close();
    }
    try {
      await version.#warmUp();
      return version;
    } catch (error) {
      await version.retire();
      throw error;
    }
  }

  static async #from(
    loader: VersionLoader,
    candidate: Candidate,
    options: LiveIndexOptions,
  ): Promise<ServedVersion> {
    const { version, manifest } = loader;
    if (version !== candidate.version) {
      throw mismatch(candidate.version, `its event names the directory of version ${version}`);
    }
    const { model } = manifest;
    const serving = servingOf(model);
    if (serving === undefined) throw mismatch(version, `no model that finds items is named ${model} here`);
    const vocabulary = await loader.vocabulary();
    return new ServedVersion(
      version,
      await openFinder({ model, serving }, loader, vocabulary, options),
      vocabulary,
    );
  }

  /** Whether the model was trained on the user. */
  knows(userId: string): boolean {
    return this.#vocabulary.userIndex(userId) > 0;
  }

  /** The best items by the model's scores, best first. */
  async recommend(query: VersionQuery): Promise<Found[]> {
    return this.#finder.find(this.#inputOf(query), query.k, query.exclusion);
  }

  /** The scores of these items for a user, in the order given, without those that the model does not know. */
  async score(query: VersionUser, items: readonly number[]): Promise<Found[]> {
    return this.#finder.score(this.#inputOf(query), items);
  }

  /**
   * The items most like another one, most alike first; undefined where the model does not say, and none for an item that
   * it does not know.
   */
  similar(item: number, k: number): Found[] | undefined {
    return this.#finder.similar?.(item, k);
  }

  /** The vectors that retrieve items, for comparing items; undefined if the model has none. */
  get vectors(): ItemVectors | undefined {
    return this.#finder.vectors;
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

  #inputOf({ userId, ...user }: VersionUser): UserInput {
    return userInputOf(this.#vocabulary, { user: userId, ...user });
  }

  async #warmUp(): Promise<void> {
    const nobody = { userId: '', profile: null, context: null, recentItems: [] };
    const exclusion = { policy: ItemPolicy.open, items: [] };
    const scored = await this.recommend({ ...nobody, exclusion, k: 10 });
    const wrong = scored.find(({ score }) => !Number.isFinite(score));
    if (wrong !== undefined)
      throw mismatch(this.id, `it scores item ${itemIdOf(wrong.item)} with ${wrong.score}`);
  }
}
