/**
 * MovieLens 1M as "Neural Collaborative Filtering" (He et al. 2017) split it: of each user one item is held out, and
 * beside it 99 items that the user never had; all ids are that paper's.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { drawNegatives, type Pairs, seededRandom } from '#models';

const defaultDirectory = join(import.meta.dirname, '../../../../shared/data/ml-1m');

/** Where the data set is: MOVIELENS_1M, or beside the repository; undefined where there is none. */
export function movieLens1MDirectory(): string | undefined {
  const directory = process.env.MOVIELENS_1M ?? defaultDirectory;
  return existsSync(directory) ? directory : undefined;
}

export const USERS = 6040;
export const ITEMS = 3706;
const NEGATIVES = 99;
const SEED = 11;

/** What is learned from, and what is to be found: of each user one item, beside its negatives. */
export type HeldOut = {
  readonly train: Pairs;
  /** The same by user, in the order of time, oldest first: [users]. */
  readonly histories: readonly Int32Array[];
  /** [users] */
  readonly held: Int32Array;
  /** [users], each of 99 items. With 156 users the paper's have the held-out item among them; it is ranked once. */
  readonly negatives: readonly Int32Array[];
};

export type MovieLens1M = {
  /** For the figures. */
  readonly test: HeldOut;
  /** For the choice of parameters: the item before the held-out one, with negatives drawn by a seed. Knows nothing of the test. */
  readonly validation: HeldOut;
};

export async function readMovieLens1M(directory: string): Promise<MovieLens1M> {
  const train = pairsOf(await rowsOf(directory, 'ncf-ml-1m.train.pairs.tsv.gz'));
  const tests = await rowsOf(directory, 'ncf-ml-1m.test.rating.gz');
  const negatives = await rowsOf(directory, 'ncf-ml-1m.test.negative.gz');
  const held = Int32Array.from(tests, ([, item]) => Number(item));
  const ordered = await histories(directory, held);
  const test = {
    train,
    histories: ordered.map((items) => Int32Array.from(items)),
    held,
    negatives: negatives.map(([, ...items]) => Int32Array.from(items, Number)),
  };
  return { test, validation: beforeTheLast(test, ordered) };
}

async function rowsOf(directory: string, name: string): Promise<string[][]> {
  const text = (await promisify(gunzip)(await readFile(join(directory, name)))).toString();
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.trimEnd().split('\t'));
}

function pairsOf(rows: readonly string[][]): Pairs {
  return {
    user: Int32Array.from(rows, ([user]) => Number(user)),
    item: Int32Array.from(rows, ([, item]) => Number(item)),
  };
}

/** Each user's items in the order of time, without the test item, which at equal times need not be the last. */
async function histories(directory: string, held: Int32Array): Promise<number[][]> {
  const rows = await rowsOf(directory, 'ncf-item_map.tsv.gz');
  const idOf = new Map(rows.map(([id, movie]) => [movie, Number(id)]));
  const ordered: number[][] = Array.from({ length: USERS }, () => []);
  for (const [user, movie] of await rowsOf(directory, 'interactions.ordered.tsv.gz')) {
    const id = Number(user) - 1;
    const item = idOf.get(movie) as number;
    if (item !== held[id]) ordered[id]?.push(item);
  }
  return ordered;
}

/** Holds out the newest of each user's training items. */
function beforeTheLast({ train }: HeldOut, ordered: readonly number[][]): HeldOut {
  const held = Int32Array.from(ordered, (items) => items.at(-1) as number);
  const kept = train.user.map((_, i) => i).filter((i) => train.item[i] !== held[train.user[i] as number]);
  const heldOut = new Map(Array.from(held, (item, user) => [user, [item]]));
  const seen = new Map(ordered.entries());
  return {
    train: {
      user: kept.map((i) => train.user[i] as number),
      item: kept.map((i) => train.item[i] as number),
    },
    histories: ordered.map((items) => Int32Array.from(items.slice(0, -1))),
    held,
    negatives: [...drawNegatives({ items: ITEMS, heldOut, seen }, NEGATIVES, seededRandom(SEED)).values()],
  };
}
