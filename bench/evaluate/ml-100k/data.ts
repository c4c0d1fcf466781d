/** MovieLens 100K, each user's last 20% of ratings by time held out; every rating counts, whatever its value. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type DataSet, movieLens, readDataSet } from '#imports';
import {
  InteractionMatrix,
  type Interactions,
  type ItemSets,
  itemsByUser,
  perUserLastShare,
  Vocabulary,
} from '#models';
import type { Known } from '../model.ts';
import type { Descriptions } from '../two-tower.ts';

const defaultDirectory = join(import.meta.dirname, '../../../../shared/data/ml-100k');
const HELD_OUT_SHARE = 0.2;

/** Where the data set is: MOVIELENS_100K, or beside the repository; undefined where there is none. */
export function movieLensDirectory(): string | undefined {
  const directory = process.env.MOVIELENS_100K ?? defaultDirectory;
  return existsSync(directory) ? directory : undefined;
}

/** What models learn from here; ids are dense, from 0. */
export type Known100K = Known & { readonly events: Interactions; readonly described: Descriptions };

export type Part = {
  readonly known: Known100K;
  /** What is to be found. */
  readonly heldOut: ItemSets;
};

export type MovieLens100K = {
  /** For the figures. */
  readonly test: Part;
  /** For the choice of parameters: the last 20% of what the test leaves. Knows nothing of the test. */
  readonly validation: Part;
};

export async function readMovieLens100K(directory: string): Promise<MovieLens100K> {
  const dataSet = await readDataSet(movieLens, [directory]);
  const vocabulary = vocabularyOf(dataSet);
  const all = interactionsOf(dataSet, vocabulary);
  const described = descriptionsOf(dataSet, vocabulary);
  const { train, heldOut } = perUserLastShare(all, HELD_OUT_SHARE);
  const known = rowsOf(all, train);
  const earlier = perUserLastShare(known, HELD_OUT_SHARE);
  const part = (events: Interactions, out: Interactions): Part => ({
    known: { ...knownOf(events, vocabulary), described },
    heldOut: itemsByUser(out),
  });
  return {
    test: part(known, rowsOf(all, heldOut)),
    validation: part(rowsOf(known, earlier.train), rowsOf(known, earlier.heldOut)),
  };
}

const sourceOf = (dataSet: DataSet) => ({
  users: dataSet.users.map(({ user_id: id, ...profile }) => ({ id, profile })),
  items: dataSet.items.map(({ item_id: id, ...metadata }) => ({ id, metadata })),
});

function vocabularyOf(dataSet: DataSet): Vocabulary {
  return Vocabulary.build(sourceOf(dataSet));
}

function descriptionsOf(dataSet: DataSet, vocabulary: Vocabulary): Descriptions {
  const source = sourceOf(dataSet);
  const { features, tags } = vocabulary.itemTables(source);
  return { profile: vocabulary.profileTable(source), itemFeatures: features, itemTags: tags };
}

/** In the order of time. The vocabulary's users begin at 1. */
function interactionsOf({ events }: DataSet, vocabulary: Vocabulary): Interactions {
  return {
    user: Int32Array.from(events, ({ user_id }) => vocabulary.userIndex(user_id) - 1),
    item: Int32Array.from(events, ({ item_id }) => vocabulary.itemIndex(item_id ?? '') ?? -1),
    timestamp: Float64Array.from(events, ({ ts }) => ts),
  };
}

function rowsOf({ user, item, timestamp }: Interactions, rows: Int32Array): Interactions {
  return {
    user: rows.map((row) => user[row] as number),
    item: rows.map((row) => item[row] as number),
    timestamp: Float64Array.from(rows, (row) => timestamp[row] as number),
  };
}

/** Of events in the order of time. */
function knownOf(
  events: Interactions,
  { userCount, itemCount }: Vocabulary,
): Known & { events: Interactions } {
  const users = userCount - 1;
  const byUser = itemsByUser(events);
  return {
    matrix: InteractionMatrix.fromPairs(events, users, itemCount),
    histories: Array.from({ length: users }, (_, user) => Int32Array.from(byUser.get(user) ?? [])),
    events,
  };
}
