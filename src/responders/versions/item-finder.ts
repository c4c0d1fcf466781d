import {
  FlatIndex,
  ITEM_VECTORS_FILE,
  ITEM_WEIGHTS_FILE,
  ItemWeights,
  type Ranked,
  type RetrievalModel,
  readItemVectors,
  type UserInput,
  type VersionFiles,
} from '#models';
import type { Metrics } from '#platform';
import { InferenceThread } from '../inference/inference-thread.ts';

/** Finds items for users by the files of a version, all in the version's own indices. */
export interface ItemFinder {
  readonly items: number;
  /**
   * The k best, best first, without those in the bitmap that is asked for when they are chosen; none for a user of whom the
   * version knows nothing.
   */
  find(input: UserInput, k: number, exclude: () => Uint8Array): Promise<Ranked>;
  /** The k items most like another one, most alike first; absent where the model does not say. */
  readonly similar?: ((item: number, k: number, exclude: Uint8Array) => Ranked) | undefined;
  /** Resolves with the reason when its thread ends by itself. */
  readonly died: Promise<Error>;
  close(): Promise<void>;
}

/** Undefined in place of a finder: `problem` says what does not fit together. */
export type OpenedFinder = { readonly finder: ItemFinder } | { readonly problem: string };

/** Errors: those of the model and the index. */
export async function openFinder(
  { name, serving }: RetrievalModel,
  files: VersionFiles,
  metrics: Metrics,
): Promise<OpenedFinder> {
  if (serving.kind === 'item-weights') {
    const weights = ItemWeights.parse(files.read(ITEM_WEIGHTS_FILE));
    return { finder: new WeightsFinder(weights, serving.answersSimilar) };
  }
  const { vectors, dim } = readItemVectors(files.read(ITEM_VECTORS_FILE));
  const index = FlatIndex.build(vectors, dim);
  const read = Object.fromEntries(serving.encoderFiles.map((file) => [file, files.read(file)]));
  const thread = await InferenceThread.start({ model: name, files: read }, metrics);
  if (thread.dimension === index.dim) return { finder: new VectorsFinder(thread, index) };
  await thread.close();
  return { problem: `its tower gives ${thread.dimension} numbers, its index has ${index.dim}` };
}

/** Vectors of users are computed in a thread; the index is searched here. */
class VectorsFinder implements ItemFinder {
  readonly #thread: InferenceThread;
  readonly #index: FlatIndex;

  constructor(thread: InferenceThread, index: FlatIndex) {
    this.#thread = thread;
    this.#index = index;
  }

  get items(): number {
    return this.#index.count;
  }

  get died(): Promise<Error> {
    return this.#thread.died;
  }

  async find(input: UserInput, k: number, exclude: () => Uint8Array): Promise<Ranked> {
    const vector = await this.#thread.encode(input);
    return vector.every((value) => value === 0)
      ? nothing
      : this.#index.search(vector, k, { exclude: exclude() });
  }

  close(): Promise<void> {
    return this.#thread.close();
  }
}

/** A few thousand additions: no thread is worth it. */
class WeightsFinder implements ItemFinder {
  readonly died = new Promise<Error>(() => {});
  readonly similar: ItemFinder['similar'];
  readonly #weights: ItemWeights;

  constructor(weights: ItemWeights, answersSimilar: boolean) {
    this.#weights = weights;
    this.similar = answersSimilar ? weights.similar.bind(weights) : undefined;
  }

  get items(): number {
    return this.#weights.items;
  }

  async find({ history }: UserInput, k: number, exclude: () => Uint8Array): Promise<Ranked> {
    return this.#weights.find(history, k, exclude());
  }

  async close(): Promise<void> {}
}

const nothing: Ranked = { ids: new Int32Array(), scores: new Float32Array() };
