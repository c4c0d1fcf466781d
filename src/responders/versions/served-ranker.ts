import { type AnyView, featureViews, type InputFeature, modelFeatures, recordViews } from '#features';
import type { Asking, FeatureColumn, Objectives } from '#models';
import type { Candidate } from '#schemas';
import type { DataFiles } from '#storage';
import type { FeatureReader } from '../features/feature-reader.ts';
import { openRanking, type Ranking } from '../inference/open-ranking.ts';
import { VersionLoader } from '../loading/version-loader.ts';
import { itemIdsOf } from '../view-store/item-numbers.ts';
import { mismatch } from './mismatch.ts';
import { Uses } from './uses.ts';

export type RankerOptions = DataFiles & {
  /** The views of modules, whose features a model may read as well. */
  readonly modules?: readonly AnyView[] | undefined;
  /** What models rank by that predict more than one thing; by what they were trained for where there are none. */
  readonly objectives?: Objectives | undefined;
};

/** What a ranker makes of items, in the order in which they were given; they are named by their numbers. */
export type Judgement = {
  /** The moment that the features are of, ms of the world's clock. */
  readonly ts: number;
  readonly scores: Float64Array;
  /** What the model has read, by the names of its inputs: the audit and explanations show it. */
  readonly features: readonly string[];
  /** In the order of the features, each of as many values as there are items. */
  readonly columns: readonly FeatureColumn[];
};

/** A model that ranks in memory: it scores the items that another version has found, by their features and the user's. */
export class ServedRanker {
  readonly id: string;
  readonly #features: readonly InputFeature[];
  readonly #names: readonly string[];
  readonly #ranking: Ranking;
  readonly #uses: Uses;

  private constructor(id: string, features: readonly InputFeature[], ranking: Ranking) {
    this.id = id;
    this.#features = features;
    this.#names = features.map(({ view, feature }) => `${view}.${feature}`);
    this.#ranking = ranking;
    this.#uses = new Uses(() => ranking.close());
  }

  /**
   * Reads and verifies the directory, and proves the model. Errors: MR_VERSION_MISSING, MR_VERSION_CORRUPT, and those of
   * the model, such as MR_MODEL_FEATURE where a view has another version than when it was trained.
   */
  static async load(
    candidate: Candidate,
    { modules = [], objectives = {}, ...data }: RankerOptions,
  ): Promise<ServedRanker> {
    const loader = await VersionLoader.open(data, candidate.directory);
    let ranking: Ranking;
    try {
      ranking = await openModel(loader, candidate, objectives);
    } finally {
      await loader.close();
    }
    try {
      const features = modelFeatures(ranking.inputs, [...featureViews, ...recordViews, ...modules]);
      return new ServedRanker(candidate.version, features, ranking);
    } catch (error) {
      await ranking.close();
      throw error;
    }
  }

  /**
   * The scores of items in the order given, and what they follow from. FatalError MR_INFERENCE_ENDED, or the model's code
   * where it fails or a score is not finite.
   */
  async judge(reader: FeatureReader, asking: Asking, items: Int32Array): Promise<Judgement> {
    // Nothing is known of one who has no name on the log.
    const user = asking.user === '' ? null : asking.user;
    const features = this.#features;
    const { ts, columns } = await reader.columns({ user, items, features });
    const scores =
      items.length === 0
        ? new Float64Array()
        : await this.#ranking.score({ asking, items: itemIdsOf(items), numbers: items, columns });
    return { ts, scores, features: this.#names, columns };
  }

  /** What it reads, `view.feature`, in the order of its columns. */
  get features(): readonly string[] {
    return this.#features.map(({ view, feature }) => `${view}.${feature}`);
  }

  /** Resolves with the reason when its thread ends by itself. */
  get died(): Promise<Error> {
    return this.#ranking.died;
  }

  acquire(): void {
    this.#uses.acquire();
  }

  release(): void {
    this.#uses.release();
  }

  retire(): Promise<void> {
    return this.#uses.retire();
  }
}

async function openModel(
  loader: VersionLoader,
  { version }: Candidate,
  objectives: Objectives,
): Promise<Ranking> {
  const { names, manifest } = loader;
  if (loader.version !== version)
    throw mismatch(version, `its event names the directory of version ${loader.version}`);
  return openRanking({ model: manifest.model, files: await loader.files(names), objectives });
}
