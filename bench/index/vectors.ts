/** Vectors to be indexed, and queries that are asked of them. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fitIals, InteractionMatrix, type Random, seededRandom } from '#models';
import { ITEMS, movieLens1MDirectory, readMovieLens1M, USERS } from '../evaluate/ml-1m/data.ts';

export const KINDS = ['clustered', 'normal', 'trained'] as const;
export type Kind = (typeof KINDS)[number];

export type Vectors = {
  readonly dim: number;
  /** [items, dim] */
  readonly items: Float32Array;
  /** [queries, dim] */
  readonly queries: Float32Array;
};

const SEED = 1;
const CLUSTERS = 1000;
/** The share of the distance between centers to which vectors are spread, on both sides. */
const SPREAD = 0.4;
/** Deviation of the noise that widens trained vectors, of the mean size of the item's own numbers. */
const NOISE = 0.5;

/** Undefined where the data set that it needs is not there. */
export async function vectorsOf(
  kind: Kind,
  items: number,
  dim: number,
  queries: number,
): Promise<Vectors | undefined> {
  const random = seededRandom(SEED);
  if (kind === 'trained') return widened(items, dim, queries, random);
  const draw = kind === 'normal' ? normal(random) : clustered(random, dim);
  return { dim, items: draw(items * dim), queries: draw(queries * dim) };
}

const normal = (random: Random) => (length: number) => Float32Array.from({ length }, () => random.normal());

/** Around centers that are independent and normal. */
function clustered(random: Random, dim: number): (length: number) => Float32Array {
  const centers = normal(random)(CLUSTERS * dim);
  return (length) => {
    const drawn = new Float32Array(length);
    for (let at = 0; at < length; at += dim) {
      const center = random.integer(CLUSTERS) * dim;
      for (let d = 0; d < dim; d++)
        drawn[at + d] = (centers[center + d] as number) + SPREAD * random.normal();
    }
    return drawn;
  };
}

/** Vectors of the movies by iALS, each with as many noisy copies as there have to be; queries are users. */
async function widened(
  items: number,
  dim: number,
  queries: number,
  random: Random,
): Promise<Vectors | undefined> {
  const trained = await trainedVectors(dim);
  if (trained === undefined) return undefined;
  const wide = new Float32Array(items * dim);
  for (let item = 0; item < items; item++) {
    const own = trained.items.subarray((item % ITEMS) * dim, ((item % ITEMS) + 1) * dim);
    const size = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0) / dim);
    for (let d = 0; d < dim; d++) wide[item * dim + d] = (own[d] as number) + NOISE * size * random.normal();
  }
  // From all users alike: their numbers are about the order in which they came.
  const asked = new Float32Array(Math.min(queries, USERS) * dim);
  for (let at = 0; at < asked.length; at += dim) {
    const user = Math.floor((at * USERS) / asked.length);
    asked.set(trained.queries.subarray(user * dim, (user + 1) * dim), at);
  }
  return { dim, items: wide, queries: asked };
}

/** Kept in the system's directory of temporary files, as training takes longer than all else. */
async function trainedVectors(dim: number): Promise<Vectors | undefined> {
  const kept = join(tmpdir(), 'millrace-bench', `ials-ml-1m-${dim}`);
  if (existsSync(kept)) {
    const bytes = await readFile(kept);
    const values = new Float32Array(new Uint8Array(bytes).buffer);
    return { dim, items: values.subarray(0, ITEMS * dim), queries: values.subarray(ITEMS * dim) };
  }
  const directory = movieLens1MDirectory();
  if (directory === undefined) return undefined;
  const { train, histories } = (await readMovieLens1M(directory)).test;
  const model = fitIals(InteractionMatrix.fromPairs(train, USERS, ITEMS), { dim });
  const queries = new Float32Array(USERS * dim);
  histories.forEach((history, user) => {
    queries.set(model.userVector(history), user * dim);
  });
  await mkdir(join(kept, '..'), { recursive: true });
  await writeFile(kept, Buffer.concat([bytesOf(model.itemVectors), bytesOf(queries)]));
  return { dim, items: model.itemVectors, queries };
}

/** Every other query, for calibration, and those between them. */
export function halves(queries: Float32Array, dim: number): readonly [Float32Array, Float32Array] {
  const rows = Array.from({ length: queries.length / dim }, (_, i) =>
    queries.subarray(i * dim, (i + 1) * dim),
  );
  const half = (first: number) =>
    Float32Array.from(rows.filter((_, i) => i % 2 === first).flatMap((row) => [...row]));
  return [half(0), half(1)];
}

export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
