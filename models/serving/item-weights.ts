import { type Checkpoint, decodeCheckpoint, encodeCheckpoint, unusable } from '../checkpoint.ts';
import type { FittedRecommender } from '../implicit/port.ts';
import { inBitmap, type Ranked, rankScores, TopK } from '../top-k.ts';

/** Rows of ids with a weight each, compressed: row r is `ids[starts[r]] .. ids[starts[r + 1] - 1]`. */
type Rows = { readonly starts: Int32Array; readonly ids: Int32Array; readonly weights: Float32Array };

/**
 * A sparse matrix of items by items: the score of an item is the sum of its weights for the items of a history. Row j
 * holds the items that count for item j, strongest first. An item none of whose weights meets the history has no score,
 * and is not found.
 */
export class ItemWeights implements FittedRecommender {
  readonly items: number;
  /** Newest items of a history that count; all where it is undefined. */
  readonly historyLength: number | undefined;
  readonly #rows: Rows;
  /** Transposed: by item of a history, what it adds to which scores. */
  readonly #columns: Rows;
  /** [items]; zeros between two calls. */
  #scratch: Float32Array | undefined;

  private constructor(rows: Rows, historyLength: number | undefined) {
    this.items = rows.starts.length - 1;
    this.historyLength = historyLength;
    this.#rows = rows;
    this.#columns = transposed(rows);
  }

  /** From the row of each item. */
  static of(rows: readonly Ranked[], historyLength?: number): ItemWeights {
    const starts = new Int32Array(rows.length + 1);
    rows.forEach(({ ids }, item) => {
      starts[item + 1] = (starts[item] as number) + ids.length;
    });
    const ids = new Int32Array(starts[rows.length] as number);
    const weights = new Float32Array(ids.length);
    rows.forEach((row, item) => {
      ids.set(row.ids, starts[item]);
      weights.set(row.scores, starts[item]);
    });
    return new ItemWeights({ starts, ids, weights }, historyLength);
  }

  /** Reads what `save` wrote; anything else is MR_MODEL_CHECKPOINT. */
  static parse(bytes: Uint8Array): ItemWeights {
    return ItemWeights.fromCheckpoint(decodeCheckpoint(bytes));
  }

  static fromCheckpoint({ arrays, values }: Checkpoint): ItemWeights {
    const [starts, ids, weights] = ['starts', 'ids', 'weights'].map((name) => arrays.get(name));
    const { historyLength } = (values ?? {}) as { readonly historyLength?: number | null };
    if (!(starts instanceof Int32Array && ids instanceof Int32Array && weights instanceof Float32Array)) {
      throw unusable('it holds no weights of items');
    }
    return new ItemWeights({ starts, ids, weights }, historyLength ?? undefined);
  }

  save(): Uint8Array {
    return encodeCheckpoint(this.toCheckpoint());
  }

  toCheckpoint(): Checkpoint {
    return {
      arrays: new Map(Object.entries(this.#rows)),
      values: { historyLength: this.historyLength ?? null },
    };
  }

  scores(history: ArrayLike<number>, candidates?: Int32Array): Float32Array {
    if (candidates !== undefined) return this.#scoresOf(history, candidates);
    const scores = new Float32Array(this.items);
    this.#add(history, scores);
    return scores;
  }

  /** Work by what the history meets, and not by the number of items. */
  #scoresOf(history: ArrayLike<number>, candidates: Int32Array): Float32Array {
    this.#scratch ??= new Float32Array(this.items);
    const scratch = this.#scratch;
    this.#add(history, scratch);
    const found = new Float32Array(candidates.length);
    for (let i = 0; i < found.length; i++) found[i] = scratch[candidates[i] as number] as number;
    const { starts, ids } = this.#columns;
    for (const item of this.#counted(history)) {
      for (let at = starts[item] as number; at < (starts[item + 1] as number); at++)
        scratch[ids[at] as number] = 0;
    }
    return found;
  }

  #add(history: ArrayLike<number>, scores: Float32Array): void {
    const { starts, ids, weights } = this.#columns;
    for (const item of this.#counted(history)) {
      for (let at = starts[item] as number; at < (starts[item + 1] as number); at++) {
        const other = ids[at] as number;
        scores[other] = (scores[other] as number) + (weights[at] as number);
      }
    }
  }

  #counted(history: ArrayLike<number>): Set<number> {
    return new Set(Array.from(history).slice(0, this.historyLength));
  }

  /** The k best of the items that have a score, best first, without those in the bitmap. */
  find(history: ArrayLike<number>, k: number, exclude: Uint8Array): Ranked {
    const scores = this.scores(history);
    const unscored = exclude.slice();
    scores.forEach((score, item) => {
      if (score === 0) unscored[item >> 3] = (unscored[item >> 3] as number) | (1 << (item & 7));
    });
    return rankScores(scores, k, unscored);
  }

  /** The k items with the strongest weights in the row of an item, without those in the bitmap. */
  similar(item: number, k: number, exclude: Uint8Array): Ranked {
    const { starts, ids, weights } = this.#rows;
    const best = new TopK(k);
    for (let at = starts[item] as number; at < (starts[item + 1] as number); at++) {
      const other = ids[at] as number;
      if (other !== item && !inBitmap(exclude, other)) best.offer(other, weights[at] as number);
    }
    return best.finish();
  }
}

function transposed({ starts, ids, weights }: Rows): Rows {
  const items = starts.length - 1;
  const columns = new Int32Array(items + 1);
  for (const id of ids) columns[id + 1] = (columns[id + 1] as number) + 1;
  for (let i = 0; i < items; i++) columns[i + 1] = (columns[i + 1] as number) + (columns[i] as number);
  const next = columns.slice(0, items);
  const scored = new Int32Array(ids.length);
  const values = new Float32Array(ids.length);
  for (let row = 0; row < items; row++) {
    for (let at = starts[row] as number; at < (starts[row + 1] as number); at++) {
      const id = ids[at] as number;
      const to = next[id] as number;
      scored[to] = row;
      values[to] = weights[at] as number;
      next[id] = to + 1;
    }
  }
  return { starts: columns, ids: scored, weights: values };
}
