import type { Random } from '../../random.ts';
import type { Platform } from '../kernel/port.ts';
import { BlockLists, type SentLists } from '../storage/block-lists.ts';

const LIST = 0;
const NONE = -1;

/** Centroids as another thread gets them. */
export type SentCentroids = { readonly values: Float32Array; readonly search: SentLists };

/** Centroids, and which is nearest to a vector, by distance whatever the metric of the index. */
export class Centroids {
  readonly values: Float32Array;
  readonly #dim: number;
  readonly #search: BlockLists;

  private constructor(values: Float32Array, search: BlockLists) {
    this.values = values;
    this.#dim = search.dim;
    this.#search = search;
  }

  /** [count, dim] */
  static of(values: Float32Array, dim: number, platform: Platform): Centroids {
    const centroids = new Centroids(values, BlockLists.create(platform, dim, 'l2', 1));
    for (let i = 0; i < values.length / dim; i++) centroids.#put(i);
    return centroids;
  }

  static receive({ values, search }: SentCentroids, platform: Platform): Centroids {
    return new Centroids(values, BlockLists.receive(platform, search));
  }

  /** For another thread, which has them from then on. */
  send(): SentCentroids {
    const values = new Float32Array(new SharedArrayBuffer(this.values.byteLength));
    values.set(this.values);
    return { values, search: this.#search.send() };
  }

  /** The lowest of equally near ones. A guess that is near saves scoring others; the result is the same. */
  nearest(vector: Float32Array, guess = NONE): number {
    const search = this.#search.search(vector, 1);
    if (guess !== NONE) this.#search.offer(guess, search);
    this.#search.scan(LIST, search);
    search.best.sort();
    return search.best.id(0);
  }

  /** Moves one. */
  set(i: number, centroid: ArrayLike<number>): void {
    this.values.set(centroid, i * this.#dim);
    this.#put(i);
  }

  #put(i: number): void {
    this.#search.put(LIST, i, this.values.subarray(i * this.#dim, (i + 1) * this.#dim));
  }
}

export type KMeansInput = {
  /** [any, dim] */
  readonly vectors: Float32Array;
  readonly dim: number;
  /** The vectors to learn from, at least as many as centroids, in random order. */
  readonly rows: Int32Array;
  readonly count: number;
  readonly iterations: number;
  readonly random: Random;
  readonly platform: Platform;
};

/** Lloyd's algorithm from random vectors; a centroid that no vector is nearest to takes one from the largest list. */
export function kMeans({ vectors, dim, rows, count, iterations, random, platform }: KMeansInput): Centroids {
  const rowAt = (i: number) => {
    const row = rows[i] as number;
    return vectors.subarray(row * dim, (row + 1) * dim);
  };
  const first = new Float32Array(count * dim);
  for (let i = 0; i < count; i++) first.set(rowAt(i), i * dim);
  const centroids = Centroids.of(first, dim, platform);
  const nearest = new Int32Array(rows.length).fill(NONE);
  const sums = new Float64Array(count * dim);
  const sizes = new Int32Array(count);
  for (let iteration = 0; iteration < iterations; iteration++) {
    sums.fill(0);
    sizes.fill(0);
    for (let i = 0; i < rows.length; i++) {
      const vector = rowAt(i);
      const list = centroids.nearest(vector, nearest[i]);
      nearest[i] = list;
      sizes[list] = (sizes[list] as number) + 1;
      for (let d = 0, at = list * dim; d < dim; d++, at++) {
        sums[at] = (sums[at] as number) + (vector[d] as number);
      }
    }
    const left = sizes.slice();
    for (let list = 0; list < count; list++) {
      const size = sizes[list] as number;
      if (size > 0)
        centroids.set(
          list,
          sums.subarray(list * dim, (list + 1) * dim).map((x) => x / size),
        );
      else centroids.set(list, rowAt(takeFromLargest(nearest, left, random)));
    }
  }
  return centroids;
}

/** Index of a row of the list with most rows left, which is then not taken again. */
function takeFromLargest(nearest: Int32Array, left: Int32Array, random: Random): number {
  const largest = left.indexOf(left.reduce((a, b) => Math.max(a, b)));
  let member = random.integer(nearest.length);
  while (nearest[member] !== largest) member = (member + 1) % nearest.length;
  nearest[member] = NONE;
  left[largest] = (left[largest] as number) - 1;
  return member;
}
