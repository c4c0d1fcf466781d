import type { Feed } from '../graph/session.ts';
import type { Random } from '../random.ts';
import { DistinctIds } from './distinct-ids.ts';
import { EmbeddingTable } from './embedding-table.ts';
import type { OptimiserOptions } from './optimiser.ts';

/** Sets of ids in compressed rows: those of row r are `ids[offsets[r]] .. ids[offsets[r + 1] - 1]`. */
type Bags = { readonly offsets: Int32Array; readonly ids: Int32Array };

/** Rows of the table, one bag after another: those of bag b are `rows[starts[b]] .. rows[starts[b + 1] - 1]`. */
export type Lookup = { readonly starts: Int32Array; readonly rows: Int32Array };

/**
 * Embeddings of several sparse features in one table, each feature's ids after those of the one before. What enters a model
 * is the sum of a bag's embeddings (EmbeddingBag of PyTorch); of an empty bag it is zeros. Sums and their gradients are
 * computed here rather than in the graph, which then never sees a table.
 */
export class EmbeddingSums {
  readonly cardinalities: readonly number[];
  readonly #width: number;
  /** [sum of the cardinalities, width] */
  readonly #weights: Float32Array;
  /** The first row of each feature. */
  readonly #bases: readonly number[];

  constructor(cardinalities: readonly number[], width: number, weights: Float32Array) {
    let rows = 0;
    this.#bases = cardinalities.map((cardinality) => {
      rows += cardinality;
      return rows - cardinality;
    });
    this.cardinalities = cardinalities;
    this.#width = width;
    this.#weights = weights;
  }

  /** Looks up the chosen rows, counted from row `first` of the features: for each row, one bag per feature. */
  lookup(features: readonly Bags[], first: number, chosen: Int32Array): Lookup {
    const starts = new Int32Array(chosen.length * features.length + 1);
    let bag = 0;
    let size = 0;
    for (const row of chosen) {
      for (const { offsets } of features) {
        size += (offsets[row + 1] as number) - (offsets[row] as number);
        starts[++bag] = size;
      }
    }
    const rows = new Int32Array(size);
    let at = 0;
    for (const row of chosen) {
      for (let feature = 0; feature < features.length; feature++) {
        const { offsets, ids } = features[feature] as Bags;
        const base = this.#bases[first + feature] as number;
        const end = offsets[row + 1] as number;
        for (let i = offsets[row] as number; i < end; i++) rows[at++] = base + (ids[i] as number);
      }
    }
    return { starts, rows };
  }

  /** The sum of each bag: [bags, width]. */
  sums({ starts, rows }: Lookup): Float32Array {
    const width = this.#width;
    const bags = starts.length - 1;
    const sums = new Float32Array(bags * width);
    for (let bag = 0; bag < bags; bag++) {
      const end = starts[bag + 1] as number;
      for (let i = starts[bag] as number; i < end; i++) {
        addRow(sums, bag * width, this.#weights, (rows[i] as number) * width, width);
      }
    }
    return sums;
  }

  /** The sums of some rows, as a feed: [rows, features, width]. */
  feed(features: readonly Bags[], first: number, chosen: Int32Array): Feed {
    const data = this.sums(this.lookup(features, first, chosen));
    return { data, shape: [chosen.length, features.length, this.#width] };
  }
}

/** The same, to be learned. */
export class EmbeddingBags extends EmbeddingSums {
  readonly table: EmbeddingTable;
  readonly #distinct: DistinctIds;

  /** Embeddings start normal with the deviation `scale`. */
  constructor(
    cardinalities: readonly number[],
    width: number,
    scale: number,
    random: Random,
    options: OptimiserOptions,
  ) {
    const rows = cardinalities.reduce((sum, cardinality) => sum + cardinality, 0);
    const table = new EmbeddingTable(rows, width, scale, random, options);
    super(cardinalities, width, table.weights);
    this.table = table;
    this.#distinct = new DistinctIds(rows);
  }

  /** Changes the rows of all lookups of a step at once, by the gradients of their sums. */
  update(
    parts: readonly { readonly lookup: Lookup; readonly gradient: Float32Array }[],
    scale: number,
  ): void {
    const distinct = this.#distinct;
    const { width } = this.table;
    distinct.clear();
    const places = parts.map(({ lookup }) => lookup.rows.map((row) => distinct.add(row)));
    const total = new Float32Array(distinct.size * width);
    parts.forEach(({ lookup: { starts }, gradient }, part) => {
      const own = places[part] as Int32Array;
      for (let bag = 0; bag + 1 < starts.length; bag++) {
        const end = starts[bag + 1] as number;
        for (let i = starts[bag] as number; i < end; i++) {
          addRow(total, (own[i] as number) * width, gradient, bag * width, width);
        }
      }
    });
    this.table.update(distinct.ids, total, scale);
  }
}

function addRow(to: Float32Array, at: number, from: Float32Array, start: number, width: number): void {
  for (let k = 0; k < width; k++) to[at + k] = (to[at + k] as number) + (from[start + k] as number);
}
