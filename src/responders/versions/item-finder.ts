import { ITEM_WEIGHTS_FILE, ItemWeights, type Serving, type UserInput, type Vocabulary } from '#models';
import type { Found } from '../candidates/port.ts';
import { ItemPolicy } from '../filters/item-policy.ts';
import type { Exclusion } from '../filters/request-filter.ts';
import { openUserVectors, type UserVectors } from '../inference/user-vectors.ts';
import type { VersionLoader } from '../loading/version-loader.ts';
import type { ItemVectors } from '../order/port.ts';
import { IndexedItems } from './indexed-items.ts';
import { LiveIndex, type LiveIndexOptions } from './live-index.ts';
import { mismatch } from './mismatch.ts';

/** Finds items for users by the files of a version; never one that is unavailable. */
export interface ItemFinder {
  /** The k best that are not excluded, best first; none for a user of whom the version knows nothing. */
  find(input: UserInput, k: number, exclusion: Exclusion): Promise<Found[]>;
  /** These items with their scores, in the order given; those without one are left out. */
  score(input: UserInput, items: readonly number[]): Promise<Found[]>;
  /** The k items most like another one, most alike first; none for one that it does not know; absent where the model does not say. */
  readonly similar?: ((item: number, k: number) => Found[]) | undefined;
  /** Absent where there are no vectors of items. */
  readonly vectors?: ItemVectors;
  /** Resolves with the reason when its thread ends by itself. */
  readonly died: Promise<Error>;
  close(): Promise<void>;
}

/** Errors: those of the model and the index; FatalError MR_VERSION_CORRUPT where they do not fit together. */
export async function openFinder(
  { model, serving }: { readonly model: string; readonly serving: Serving },
  loader: VersionLoader,
  vocabulary: Vocabulary,
  options: LiveIndexOptions,
): Promise<ItemFinder> {
  const { version } = loader;
  if (serving.kind === 'item-weights') {
    const { [ITEM_WEIGHTS_FILE]: bytes } = await loader.files([ITEM_WEIGHTS_FILE]);
    const weights = ItemWeights.parse(bytes as Uint8Array);
    if (weights.items === vocabulary.itemCount) {
      const items = await IndexedItems.open(vocabulary, options.views);
      return new WeightsFinder(weights, items, serving.answersSimilar);
    }
    throw mismatch(version, `its vocabulary has ${vocabulary.itemCount} items, its weights ${weights.items}`);
  }
  const files = await loader.files(serving.encoderFiles);
  // The model is opened while the index is.
  const [started, opened] = await Promise.allSettled([
    openUserVectors({ model, serving }, files, options.metrics),
    LiveIndex.open(loader, vocabulary, options),
  ]);
  const [users, live] = [fulfilled(started), fulfilled(opened)];
  if (users !== undefined && live?.dim === users.dimension) return new VectorsFinder(users, live);
  await Promise.all([users?.close(), live?.close()]);
  if (opened.status === 'rejected') throw opened.reason;
  if (started.status === 'rejected') throw started.reason;
  throw mismatch(version, `its tower gives ${users?.dimension} numbers, its index has ${live?.dim}`);
}

function fulfilled<T>(settled: PromiseSettledResult<T>): T | undefined {
  return settled.status === 'fulfilled' ? settled.value : undefined;
}

/** Items compared with another one in all: as many for each that is wanted, and some beside. */
const COMPARED_FOR_ONE = 10;
const COMPARED_BESIDE = 200;

/** 0 where one of them points nowhere. */
function cosine(a: Float32Array, b: Float32Array): number {
  let [products, squaresA, squaresB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    products += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  const lengths = Math.sqrt(squaresA * squaresB);
  return lengths === 0 ? 0 : products / lengths;
}

/** The index is searched here, wherever vectors of users are computed. */
class VectorsFinder implements ItemFinder {
  readonly #users: UserVectors;
  readonly #live: LiveIndex;

  constructor(users: UserVectors, live: LiveIndex) {
    this.#users = users;
    this.#live = live;
  }

  get died(): Promise<Error> {
    return this.#users.died;
  }

  async find(input: UserInput, k: number, exclusion: Exclusion): Promise<Found[]> {
    const vector = await this.#users.encode(input);
    return vector.every((value) => value === 0) ? [] : this.#live.search(vector, k, exclusion);
  }

  async score(input: UserInput, items: readonly number[]): Promise<Found[]> {
    const vector = await this.#users.encode(input);
    return vector.every((value) => value === 0) ? [] : this.#live.score(vector, items);
  }

  /**
   * By the cosine of their vectors, of those whose inner product with the item's is greatest: the index has these, and
   * length, which is mostly how popular an item is, makes no item more like another.
   */
  similar(item: number, k: number): Found[] {
    const { dim } = this.#live;
    const vector = new Float32Array(dim);
    const other = new Float32Array(dim);
    if (!this.#live.copy(item, vector, 0)) return [];
    const found = this.#live.search(vector, COMPARED_FOR_ONE * k + COMPARED_BESIDE, {
      policy: ItemPolicy.open,
      items: [item],
    });
    const compared = found.flatMap((each) => {
      const score = this.#live.copy(each.item, other, 0) ? cosine(vector, other) : 0;
      return score > 0 ? [{ item: each.item, score }] : [];
    });
    return compared.sort((a, b) => b.score - a.score || a.item - b.item).slice(0, k);
  }

  get vectors(): ItemVectors {
    return this.#live;
  }

  async close(): Promise<void> {
    await this.#users.close();
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
    this.similar = answersSimilar ? (item, k) => this.#similar(item, k) : undefined;
  }

  async find({ history }: UserInput, k: number, exclusion: Exclusion): Promise<Found[]> {
    return this.#items.found(this.#weights.find(history, k, this.#items.excluding(exclusion)));
  }

  async score({ history }: UserInput, items: readonly number[]): Promise<Found[]> {
    const scores = this.#weights.scores(history);
    return items.flatMap((item) => {
      const score = scores[this.#items.rowOf(item) ?? -1] ?? 0;
      return score === 0 ? [] : [{ item, score }];
    });
  }

  async close(): Promise<void> {
    this.#items.close();
  }

  #similar(item: number, k: number): Found[] {
    const row = this.#items.rowOf(item);
    if (row === undefined) return [];
    return this.#items.found(
      this.#weights.similar(row, k, this.#items.excluding({ policy: ItemPolicy.open, items: [] })),
    );
  }
}
