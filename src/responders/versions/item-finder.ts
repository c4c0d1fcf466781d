import {
  ITEM_WEIGHTS_FILE,
  ItemWeights,
  type RetrievalModel,
  type UserInput,
  type VersionFiles,
  type Vocabulary,
} from '#models';
import { InferenceThread } from '../inference/inference-thread.ts';
import { IndexedItems, type ScoredItem } from './indexed-items.ts';
import { LiveIndex, type LiveIndexOptions } from './live-index.ts';
import { mismatch } from './mismatch.ts';

/** Finds items for users by the files of a version; never one that is unavailable. */
export interface ItemFinder {
  /** The k best without these items, best first; none for a user of whom the version knows nothing. */
  find(input: UserInput, k: number, seenItems: readonly string[]): Promise<ScoredItem[]>;
  /** These items with their scores, in the order given; those without one are left out. */
  score(input: UserInput, itemIds: readonly string[]): Promise<ScoredItem[]>;
  /** The k items most like another one, most alike first; none for one that it does not know; absent where the model does not say. */
  readonly similar?: ((itemId: string, k: number) => ScoredItem[]) | undefined;
  /** Resolves with the reason when its thread ends by itself. */
  readonly died: Promise<Error>;
  close(): Promise<void>;
}

/** Errors: those of the model and the index; FatalError MR_VERSION_CORRUPT where they do not fit together. */
export async function openFinder(
  { name, serving }: RetrievalModel,
  files: VersionFiles,
  vocabulary: Vocabulary,
  options: LiveIndexOptions,
): Promise<ItemFinder> {
  if (serving.kind === 'item-weights') {
    const weights = ItemWeights.parse(files.read(ITEM_WEIGHTS_FILE));
    if (weights.items === vocabulary.itemCount)
      return new WeightsFinder(weights, new IndexedItems(vocabulary, options.views), serving.answersSimilar);
    throw mismatch(
      files.version,
      `its vocabulary has ${vocabulary.itemCount} items, its weights ${weights.items}`,
    );
  }
  const live = await LiveIndex.open(files, vocabulary, options);
  try {
    const read = Object.fromEntries(serving.encoderFiles.map((file) => [file, files.read(file)]));
    const thread = await InferenceThread.start({ model: name, files: read }, options.metrics);
    if (thread.dimension === live.dim) return new VectorsFinder(thread, live);
    await thread.close();
    throw mismatch(files.version, `its tower gives ${thread.dimension} numbers, its index has ${live.dim}`);
  } catch (error) {
    await live.close();
    throw error;
  }
}

/** Vectors of users are computed in a thread; the index is searched here. */
class VectorsFinder implements ItemFinder {
  readonly #thread: InferenceThread;
  readonly #live: LiveIndex;

  constructor(thread: InferenceThread, live: LiveIndex) {
    this.#thread = thread;
    this.#live = live;
  }

  get died(): Promise<Error> {
    return this.#thread.died;
  }

  async find(input: UserInput, k: number, seenItems: readonly string[]): Promise<ScoredItem[]> {
    const vector = await this.#thread.encode(input);
    return vector.every((value) => value === 0) ? [] : this.#live.search(vector, k, seenItems);
  }

  async score(input: UserInput, itemIds: readonly string[]): Promise<ScoredItem[]> {
    const vector = await this.#thread.encode(input);
    return vector.every((value) => value === 0) ? [] : this.#live.score(vector, itemIds);
  }

  async close(): Promise<void> {
    await this.#thread.close();
    await this.#live.close();
  }
}

/** A few thousand additions: no thread is worth it. */
class WeightsFinder implements ItemFinder {
  readonly died = new Promise<Error>(() => {});
  readonly similar: ItemFinder['similar'];
  readonly #weights: ItemWeights;
  readonly #items: IndexedItems;

  constructor(weights: ItemWeights, items: IndexedItems, answersSimilar: boolean) {
    this.#weights = weights;
    this.#items = items;
    this.similar = answersSimilar ? (itemId, k) => this.#similar(itemId, k) : undefined;
  }

  async find({ history }: UserInput, k: number, seenItems: readonly string[]): Promise<ScoredItem[]> {
    return this.#items.named(this.#weights.find(history, k, this.#items.excluding(seenItems)));
  }

  async score({ history }: UserInput, itemIds: readonly string[]): Promise<ScoredItem[]> {
    const scores = this.#weights.scores(history);
    return itemIds.flatMap((itemId) => {
      const score = scores[this.#items.rowOf(itemId) ?? -1] ?? 0;
      return score === 0 ? [] : [{ itemId, score }];
    });
  }

  async close(): Promise<void> {
    this.#items.close();
  }

  #similar(itemId: string, k: number): ScoredItem[] {
    const item = this.#items.rowOf(itemId);
    if (item === undefined) return [];
    return this.#items.named(this.#weights.similar(item, k, this.#items.excluding([])));
  }
}
