import { join } from 'node:path';
import {
  type AnyView,
  featureViews,
  type InputFeature,
  inputColumns,
  modelFeatures,
  recordViews,
} from '#features';
import { type Asking, openVersion } from '#models';
import { FatalError } from '#platform';
import type { Candidate } from '#schemas';
import type { FeatureReader } from '../features/feature-reader.ts';
import { RankingThread } from '../inference/ranking-thread.ts';
import type { ScoredItem } from './indexed-items.ts';
import { Uses } from './uses.ts';

export type RankerOptions = {
  readonly dataDirectory: string;
  /** The views of modules, whose features a model may read as well. */
  readonly modules?: readonly AnyView[] | undefined;
};

/** A model that ranks in memory: it scores the items that another version has found, by their features and the user's. */
export class ServedRanker {
  readonly id: string;
  readonly #features: readonly InputFeature[];
  readonly #views: readonly string[];
  readonly #thread: RankingThread;
  readonly #uses: Uses;

  private constructor(id: string, features: readonly InputFeature[], thread: RankingThread) {
    this.id = id;
    this.#features = features;
    this.#views = [...new Set(features.map(({ view }) => view))];
    this.#thread = thread;
    this.#uses = new Uses(() => thread.close());
  }

  /**
   * Reads and verifies the directory, and proves the model. Errors: MR_VERSION_MISSING, MR_VERSION_CORRUPT, and those of
   * the model, such as MR_MODEL_FEATURE where a view has another version than when it was trained.
   */
  static async load(
    candidate: Candidate,
    { dataDirectory, modules = [] }: RankerOptions,
  ): Promise<ServedRanker> {
    const files = await openVersion(join(dataDirectory, candidate.directory));
    if (files.version !== candidate.version) {
      throw new FatalError(
        'MR_VERSION_CORRUPT',
        `Version ${candidate.version} cannot be served: its event names the directory of version ${files.version}.`,
        { hint: 'Publish it again; the previously served version stays in use.' },
      );
    }
    const contents = Object.fromEntries(files.names.map((name) => [name, files.read(name)]));
    const thread = await RankingThread.start({ model: files.manifest.model, files: contents });
    try {
      const features = modelFeatures(thread.inputs, [...featureViews, ...recordViews, ...modules]);
      return new ServedRanker(files.version, features, thread);
    } catch (error) {
      await thread.close();
      throw error;
    }
  }

  /**
   * The items by the model's score, best first; equal ones in the order given. FatalError MR_INFERENCE_ENDED, or the
   * model's code where it fails or a score is not finite.
   */
  async rank(
    reader: FeatureReader,
    asking: Asking,
    items: readonly ScoredItem[],
  ): Promise<readonly ScoredItem[]> {
    if (items.length === 0) return items;
    const ids = items.map(({ itemId }) => itemId);
    // Nothing is known of one who has no name on the log.
    const query = {
      user: asking.user === '' ? null : asking.user,
      items: ids,
      views: this.#views,
      ofProduct: true,
    };
    // A ranker by ids alone reads no view.
    const rows = this.#views.length === 0 ? {} : await reader.read(query);
    const columns = inputColumns(this.#features, rows);
    const scores = await this.#thread.score({ asking, items: ids, columns });
    const ranked = items.map(({ itemId }, place) => ({ itemId, score: scores[place] as number }));
    return ranked.toSorted((a, b) => b.score - a.score);
  }

  /** Resolves with the reason when its thread ends by itself. */
  get died(): Promise<Error> {
    return this.#thread.died;
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
