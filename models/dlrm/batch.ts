import type { Feed } from '../graph/session.ts';
import type { EmbeddingBags, Lookup } from '../optimise/embedding-bags.ts';
import type { Rows } from './data.ts';
import { normalised, normalisedWidth, type Scale } from './normalisation.ts';
import type { SideName } from './parameters.ts';

/** One side of some rows as the network reads it, and which embeddings it was summed of. */
export type SideBatch = {
  readonly feeds: Readonly<Record<string, Feed>>;
  readonly lookup: Lookup;
};

/** What turns rows of a side into feeds. */
export type SideReader = {
  readonly name: SideName;
  readonly rows: Rows;
  readonly scales: readonly Scale[];
  /** Place of the side's first sparse feature in the bags. */
  readonly firstFeature: number;
};

export function readSide(
  { name, rows: { dense, sparse }, scales, firstFeature }: SideReader,
  bags: EmbeddingBags,
  chosen: Int32Array,
): SideBatch {
  const lookup = bags.lookup(sparse, firstFeature, chosen);
  const numbers = normalised(dense, scales, chosen);
  const feeds = {
    [`${name} dense`]: { data: numbers, shape: [chosen.length, normalisedWidth(dense.width)] },
    [`${name} sums`]: { data: bags.sums(lookup), shape: [chosen.length, sparse.length, bags.table.width] },
  };
  return { feeds, lookup };
}
