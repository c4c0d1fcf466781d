/** The one suite that every index passes, exact or not, whichever way it computes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Random, seededRandom } from '../random.ts';
import { bitmapOf, inBitmap } from '../top-k.ts';
import type { Metric, SearchOptions, VectorIndex } from './port.ts';

export type BuildIndex = (
  /** [count, dim], with the ids 0 to count - 1. */
  vectors: Float32Array,
  dim: number,
  metric: Metric,
) => VectorIndex | Promise<VectorIndex>;

export type ContractOptions = {
  /** The share of the true results that searches must find on average; 1 for an exact index, whose results are all known. */
  readonly recall: number;
};

const LARGEST_ID = 2 ** 31 - 1;

type Model = Map<number, Float32Array>;
type Found = { readonly id: number; readonly score: number };

const scoreOf = (metric: Metric, query: Float32Array, vector: Float32Array): number =>
  metric === 'l2'
    ? 0 - vector.reduce((sum, x, d) => sum + (x - (query[d] as number)) ** 2, 0)
    : vector.reduce((sum, x, d) => sum + x * (query[d] as number), 0);

const allowedBy = ({ exclude, allow }: SearchOptions, id: number): boolean =>
  !(exclude !== undefined && inBitmap(exclude, id)) && (allow === undefined || inBitmap(allow, id));

function bruteForce(model: Model, metric: Metric, query: Float32Array, k: number, options: SearchOptions) {
  return [...model]
    .filter(([id]) => allowedBy(options, id))
    .map(([id, vector]): Found => ({ id, score: scoreOf(metric, query, vector) }))
    .sort((a, b) => b.score - a.score || a.id - b.id)
    .slice(0, k);
}

/** Whole numbers, so that sums of floats are exact in any order, and equal scores frequent. */
const wholeVector = (random: Random, dim: number): Float32Array =>
  Float32Array.from({ length: dim }, () => random.integer(9) - 4);

const wholeVectors = (random: Random, count: number, dim: number): Float32Array =>
  wholeVector(random, count * dim);

function modelOf(vectors: Float32Array, dim: number): Model {
  const count = vectors.length / dim;
  return new Map(Array.from({ length: count }, (_, id) => [id, vectors.slice(id * dim, (id + 1) * dim)]));
}

/** Compares searches with those of all vectors. */
class Comparison {
  readonly #metric: Metric;
  readonly #isExact: boolean;
  #found = 0;
  #wanted = 0;

  constructor(metric: Metric, { recall }: ContractOptions) {
    this.#metric = metric;
    this.#isExact = recall === 1;
  }

  search(
    index: VectorIndex,
    model: Model,
    query: Float32Array,
    k: number,
    options: SearchOptions = {},
  ): void {
    const { ids, scores } = index.search(query, k, options);
    const found = Array.from(ids, (id, i): Found => ({ id, score: scores[i] as number }));
    const wanted = bruteForce(model, this.#metric, query, k, options);
    if (this.#isExact) {
      assert.deepEqual(found, wanted);
      return;
    }
    assert.equal(found.length, wanted.length);
    assert.equal(new Set(ids).size, ids.length);
    for (const { id, score } of found) {
      assert.equal(allowedBy(options, id), true);
      assert.equal(score, scoreOf(this.#metric, query, model.get(id) ?? assert.fail(`${id} is not there`)));
    }
    const sorted = found.toSorted((a, b) => b.score - a.score || a.id - b.id);
    assert.deepEqual(found, sorted);
    const last = wanted.at(-1)?.score ?? 0;
    this.#wanted += wanted.length;
    this.#found += found.filter(({ score }) => score >= last).length;
  }

  get recall(): number {
    return this.#found / this.#wanted;
  }
}

export function indexContract(name: string, build: BuildIndex, options: ContractOptions): void {
  for (const metric of ['inner-product', 'l2'] as const) {
    const contract = (title: string, body: () => Promise<void>): void => {
      test(`${name}, ${metric}: ${title}`, body);
    };

    contract('finds the nearest, for any dimension, number, k and filter', async () => {
      const comparison = new Comparison(metric, options);
      const problem = fc.record({
        seed: fc.integer(),
        dim: fc.integer({ min: 1, max: 35 }),
        count: fc.integer({ min: 0, max: 150 }),
        k: fc.integer({ min: 0, max: 160 }),
        excluded: fc.constantFrom(undefined, 0.1, 0.5, 0.99, 1),
        allowed: fc.constantFrom(undefined, 0, 0.02, 0.5, 1),
      });
      await fc.assert(
        fc.asyncProperty(problem, async ({ seed, dim, count, k, excluded, allowed }) => {
          const random = seededRandom(seed);
          const vectors = wholeVectors(random, count, dim);
          // Bitmaps may end before the largest id, or after it.
          const share = (of: number | undefined, bound: number) =>
            of === undefined
              ? undefined
              : bitmapOf(
                  Array.from({ length: bound }, (_, id) => id).filter(() => random.uniform() < of),
                  bound,
                );
          const exclude = share(excluded, random.integer(200));
          const allow = share(allowed, random.integer(200));
          const index = await build(vectors, dim, metric);
          const filter = { ...(exclude && { exclude }), ...(allow && { allow }) };
          assert.deepEqual([index.dim, index.metric, index.size], [dim, metric, count]);
          comparison.search(index, modelOf(vectors, dim), wholeVector(random, dim), k, filter);
        }),
        { numRuns: 60 },
      );
    });

    contract('finds the nearest of thousands, more or less filtered', async () => {
      const random = seededRandom(7);
      const [count, dim] = [6000, 12];
      const vectors = wholeVectors(random, count, dim);
      const model = modelOf(vectors, dim);
      const index = await build(vectors, dim, metric);
      for (const share of [0, 0.5, 0.9, 0.99, 0.999]) {
        const comparison = new Comparison(metric, options);
        const exclude = bitmapOf(
          Array.from({ length: count }, (_, id) => id).filter(() => random.uniform() < share),
          count,
        );
        const allow = exclude.map((byte) => ~byte);
        for (let i = 0; i < 30; i++) {
          const filter = share === 0 ? {} : i % 2 === 0 ? { exclude } : { allow };
          comparison.search(index, model, wholeVector(random, dim), 100, filter);
        }
        if (options.recall < 1) {
          const { recall } = comparison;
          assert.ok(recall >= options.recall, `recall is ${recall} with ${share} filtered out`);
        }
      }
    });

    contract('shows every change to the next search, filtered or not', async () => {
      for (const [seed, dim, steps] of [
        [3, 7, 4000],
        [4, 1, 1200],
        [5, 3, 1200],
        [6, 64, 1200],
        [7, 65, 1200],
      ] as const) {
        const random = seededRandom(seed);
        const vectors = wholeVectors(random, 300, dim);
        const model = modelOf(vectors, dim);
        const index = await build(vectors, dim, metric);
        const comparison = new Comparison(metric, options);
        // Waves of more puts, then of more removals, down to none.
        for (let step = 0; step < steps; step++) {
          const id = random.integer(900);
          const wave = step % (steps / 5) < steps / 10 ? 0.8 : 0.2;
          if (step < 0.8 * steps && random.uniform() < wave) {
            // Most of them are new; some are those that others have.
            const other = model.get(random.integer(900));
            const vector =
              random.uniform() < 0.1 && other !== undefined ? other.slice() : wholeVector(random, dim);
            index.put(id, vector);
            model.set(id, vector.slice());
            vector.fill(Number.NaN);
          } else assert.equal(index.remove(id), model.delete(id), `seed ${seed}, step ${step}`);
          assert.equal(index.size, model.size);
          if (step % 20 > 0) continue;
          const half = bitmapOf(
            Array.from({ length: 1000 }, (_, each) => each).filter(() => random.uniform() < 0.5),
            random.integer(1000),
          );
          const filter = [{}, { exclude: half }, { allow: half }, { allow: half, exclude: half }][
            (step / 20) % 4
          ];
          comparison.search(index, model, wholeVector(random, dim), random.integer(50), filter);
        }
        for (const id of [...model.keys()]) {
          assert.deepEqual(index.vector(id), model.get(id));
          const copied = new Float32Array(dim + 2);
          assert.equal(index.copyVector(id, copied, 1), true);
          assert.deepEqual(copied, Float32Array.of(0, ...(model.get(id) as Float32Array), 0));
          assert.equal(index.remove(id), true);
          assert.equal(index.remove(id), false);
        }
        assert.deepEqual([...index.search(wholeVector(random, dim), 10).ids], []);
        index.put(LARGEST_ID, wholeVector(random, dim));
        index.put(0, wholeVector(random, dim));
        const first = bitmapOf([0], 8);
        assert.deepEqual([...index.search(wholeVector(random, dim), 10).ids].sort(), [0, LARGEST_ID]);
        assert.deepEqual(
          [...index.search(wholeVector(random, dim), 10, { exclude: first }).ids],
          [LARGEST_ID],
        );
        assert.deepEqual([...index.search(wholeVector(random, dim), 10, { allow: first }).ids], [0]);
      }
    });

    contract('leaves out no row that it has screened by its codes', async () => {
      const floats = fc.float({ noNaN: true, noDefaultInfinity: true, min: -(2 ** 55), max: 2 ** 55 });
      const dim = 5;
      const vector = fc.array(fc.oneof(floats, fc.float({ min: -1, max: 1, noNaN: true })), {
        minLength: dim,
        maxLength: dim,
      });
      const problem = fc.record({
        query: vector,
        vectors: fc.array(fc.record({ vector, scale: fc.integer({ min: -140, max: 0 }) }), {
          minLength: 1,
          maxLength: 100,
        }),
        k: fc.integer({ min: 1, max: 20 }),
      });
      await fc.assert(
        fc.asyncProperty(problem, async ({ query, vectors, k }) => {
          const all = vectors.flatMap((each) => each.vector.map((x) => x * 2 ** each.scale));
          const index = await build(Float32Array.from(all), dim, metric);
          const search = (most: number) => index.search(Float32Array.from(query), most);
          // A search for all of them can't leave out any.
          const { ids, scores } = search(vectors.length);
          const best = search(k);
          assert.equal(ids.length, vectors.length);
          if (options.recall < 1) return assert.equal(best.ids.length, Math.min(k, vectors.length));
          assert.deepEqual([best.ids, best.scores], [ids.slice(0, k), scores.slice(0, k)]);
        }),
      );
    });

    contract('tells vectors of subnormal numbers apart', async () => {
      const problem = fc.record({
        dim: fc.integer({ min: 1, max: 5 }),
        count: fc.integer({ min: 2, max: 1000 }),
        seed: fc.integer(),
      });
      await fc.assert(
        fc.asyncProperty(problem, async ({ dim, count, seed }) => {
          const random = seededRandom(seed);
          const half = count >> 1;
          const least = 2 ** -149;
          const vectors = Float32Array.from(
            { length: count * dim },
            () => (random.integer(400) - 100) * least,
          );
          const query = Float32Array.from({ length: dim }, () => (random.uniform() - 0.2) * 2 ** 60);
          const index = await build(vectors, dim, metric);
          const { ids } = index.search(query, count);
          assert.equal(ids.length, count);
          if (options.recall === 1) assert.deepEqual(index.search(query, half).ids, ids.slice(0, half));
        }),
        { numRuns: 60 },
      );
    });

    contract('takes vectors of zeros', async () => {
      const index = await build(new Float32Array(3 * 4), 4, metric);
      index.put(9, Float32Array.of(0, 1, 0, 0));
      const { ids, scores } = index.search(new Float32Array(4), 10);
      assert.deepEqual([...ids], [0, 1, 2, 9]);
      assert.deepEqual([...scores], [0, 0, 0, metric === 'l2' ? -1 : 0]);
    });

    contract('hands out copies', async () => {
      const index = await build(Float32Array.of(1, 2, 3, 4), 2, metric);
      index.vector(1)?.fill(0);
      index.search(Float32Array.of(1, 1), 2).ids.fill(7);
      assert.deepEqual(index.vector(1), Float32Array.of(3, 4));
      assert.deepEqual([...index.search(Float32Array.of(4, 4), 1).ids], [1]);
      const found = index.search(Float32Array.of(1, 0), 2);
      const before = [[...found.ids], [...found.scores]];
      index.search(Float32Array.of(-1, 2), 2);
      assert.deepEqual([[...found.ids], [...found.scores]], before, 'the next search leaves it as it is');
    });

    contract('refuses what makes no sense, and is as it was', async () => {
      const index = await build(Float32Array.of(1, 2, 3, 4), 2, metric);
      const dimension = { code: 'MR_INDEX_DIMENSION' };
      const noVector = { code: 'MR_INDEX_VECTOR' };
      const ok = Float32Array.of(1, 1);
      for (const wrong of [new Float32Array(0), new Float32Array(1), new Float32Array(3)]) {
        assert.throws(() => index.put(1, wrong), dimension);
        assert.throws(() => index.search(wrong, 1), dimension);
      }
      for (const number of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e19]) {
        assert.throws(() => index.put(1, Float32Array.of(1, number)), noVector);
        assert.throws(() => index.search(Float32Array.of(number, 1), 1), noVector);
      }
      for (const id of [-1, 0.5, LARGEST_ID + 1, Number.NaN]) {
        assert.throws(() => index.put(id, ok), { code: 'MR_INDEX_ID' });
        assert.equal(index.remove(id), false);
        assert.equal(index.vector(id), undefined);
        assert.equal(index.copyVector(id, new Float32Array(8), 0), false);
      }
      for (const k of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        assert.throws(() => index.search(ok, k), { code: 'MR_INDEX_K' });
      }
      assert.equal(index.size, 2);
      assert.deepEqual([...index.search(ok, 5).ids].sort(), [0, 1]);
      assert.deepEqual([...index.search(ok, 0).ids], []);
      await assert.rejects(async () => build(new Float32Array(7), 3, metric), dimension);
      await assert.rejects(async () => build(new Float32Array(0), 0, metric), dimension);
      await assert.rejects(async () => build(Float32Array.of(1, Number.NaN), 2, metric), noVector);
    });
  }
}
