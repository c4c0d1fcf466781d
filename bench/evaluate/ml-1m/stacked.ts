import {
  type Column,
  fitTrees,
  InteractionMatrix,
  seededRandom,
  type TrainingRows,
  TreeScorer,
} from '#models';
import type { Known, Options, Scores } from '../model.ts';
import type { Fits } from './fits.ts';
import type { Model } from './models.ts';

const SEED = 3;
/** Items that the newest one is told from where they are drawn, as many as the protocol has. */
const DRAWN = 99;
/** Items that the models rank first, in turn, which trees order anew: the list's first ten are always among them. */
const NEAREST = 300;
const TREES = { loss: 'lambdamart', trees: 300, leaves: 15, learningRate: 0.05, minRows: 50 } as const;

/**
 * Trees over what single models score (Wolpert 1992). They learn from scores that have not seen their labels: by models
 * fitted without each user's newest item, which the trees are to find among others. With `nearest`, those are what
 * the models themselves rank first: trees order these, as they would answer a search among all items, and what is not among
 * them stays behind in the order of its ranks. Else the others are drawn evenly, and trees score every item.
 */
export function stackedOf(bases: readonly Model[], fits: Fits): Model {
  return {
    name: 'stacked',
    fit: (known, options) => fitStacked(bases, fits, known, options),
    space: [{ nearest: 0 }, { nearest: 1 }],
    chosen: { sampled: { nearest: 0 }, full: { nearest: 1 } },
  };
}

async function fitStacked(
  bases: readonly Model[],
  fits: Fits,
  known: Known,
  { nearest }: Options,
): Promise<Scores> {
  const scoresOn = async (part: Known) => {
    const scores: Scores[] = [];
    for (const base of bases) {
      const fitted = await fits.of(base, part, nearest === 1 ? base.chosen.full : base.chosen.sampled);
      scores.push(fitted.scores);
    }
    return scores;
  };
  const before = withoutNewest(known);
  const isNearest = nearest === 1;
  const rows = learnedRows(before, await scoresOn(before), known.histories, isNearest);
  process.stderr.write(`stacked: growing trees over ${rows.rows} rows\n`);
  const { ensemble } = await fitTrees(rows, TREES, { seed: SEED });
  const scorer = new TreeScorer(ensemble);
  const scores = await scoresOn(known);
  return (user) => {
    const described = new UserRows(known, scores, user);
    const all = Int32Array.from({ length: known.matrix.items }, (_, item) => item);
    const items = isNearest ? Int32Array.from(described.first(NEAREST)) : all;
    const predicted = new Float64Array(items.length);
    scorer.score(described.of(items), items.length, predicted);
    if (!isNearest) return Float32Array.from(predicted);
    const behind = predicted.reduce((least, score) => Math.min(least, score), 0) - 1;
    const ordered = Float32Array.from(all, (item) => behind - described.meanRank(item));
    items.forEach((item, i) => {
      ordered[item] = predicted[i] as number;
    });
    return ordered;
  };
}

/** Kept for as long as what it was made of, so that fits on it are found again. */
const parts = new WeakMap<Known['histories'], Known>();

function withoutNewest({ matrix, histories }: Known): Known {
  const made = parts.get(histories);
  if (made !== undefined) return made;
  const shorter = histories.map((items) => items.slice(0, -1));
  const pairs = {
    user: Int32Array.from(shorter.flatMap((items, user) => Array.from(items, () => user))),
    item: Int32Array.from(shorter.flatMap((items) => [...items])),
  };
  const part = { matrix: InteractionMatrix.fromPairs(pairs, matrix.users, matrix.items), histories: shorter };
  parts.set(histories, part);
  return part;
}

/** A list for each user: the newest item, of label 1, and others that the user never had; none where those nearest are without it. */
function learnedRows(
  part: Known,
  scores: readonly Scores[],
  histories: Known['histories'],
  isNearest: boolean,
): TrainingRows {
  const random = seededRandom(SEED);
  const lists: Float32Array[] = [];
  const labels: number[] = [];
  const groups = [0];
  for (const [user, history] of histories.entries()) {
    const newest = history.at(-1) as number;
    const had = new Set(history);
    const described = new UserRows(part, scores, user);
    const items = isNearest
      ? described.first(NEAREST)
      : [newest, ...drawn(part.matrix.items, had, () => random.integer(part.matrix.items))];
    if (!items.includes(newest)) continue;
    lists.push(described.of(Int32Array.from(items)));
    labels.push(...items.map((item) => Number(item === newest)));
    groups.push(labels.length);
  }
  const width = 2 * scores.length + 1;
  const values = new Float32Array(labels.length * width);
  let at = 0;
  for (const list of lists) {
    values.set(list, at);
    at += list.length;
  }
  const columns: Column[] = Array.from({ length: width }, (_, i) => ({ name: `column ${i}` }));
  return {
    columns,
    rows: labels.length,
    values,
    labels: Float32Array.from(labels),
    groups: Int32Array.from(groups),
  };
}

function drawn(items: number, had: ReadonlySet<number>, draw: () => number): number[] {
  const chosen = new Set<number>();
  while (chosen.size < Math.min(DRAWN, items - had.size)) {
    const item = draw();
    if (!had.has(item)) chosen.add(item);
  }
  return [...chosen];
}

/** A model's scores of all items for a user, and those that the user has not had, best first. */
type RankedBy = { readonly scores: Float32Array; readonly ranks: Float32Array; readonly order: Int32Array };

/** What trees read of a user's items: each model's score against those of all other items, its rank, how much the user has had. */
class UserRows {
  readonly #models: readonly RankedBy[];
  readonly #had: number;

  constructor({ matrix, histories }: Known, scores: readonly Scores[], user: number) {
    const had = new Set(matrix.itemsOf(user));
    const others = Int32Array.from({ length: matrix.items }, (_, item) => item).filter(
      (item) => !had.has(item),
    );
    this.#had = (histories[user] as Int32Array).length;
    this.#models = scores.map((of) => {
      const own = of(user);
      const order = others.slice().sort((a, b) => (own[b] as number) - (own[a] as number) || a - b);
      const ranks = new Float32Array(matrix.items);
      order.forEach((item, rank) => {
        ranks[item] = Math.log1p(rank);
      });
      return { scores: standardised(own, others), ranks, order };
    });
  }

  /** Items that the models rank first, in turn: [count]. */
  first(count: number): number[] {
    const chosen = new Set<number>();
    for (let rank = 0; chosen.size < count && rank < (this.#models[0] as RankedBy).order.length; rank++) {
      for (const { order } of this.#models) if (chosen.size < count) chosen.add(order[rank] as number);
    }
    return [...chosen];
  }

  /** Over the models, of its logarithm. */
  meanRank(item: number): number {
    const ranks = this.#models.map((model) => model.ranks[item] as number);
    return ranks.reduce((sum, rank) => sum + rank, 0) / ranks.length;
  }

  /** [items, 2 models + 1] */
  of(items: Int32Array): Float32Array {
    const width = 2 * this.#models.length + 1;
    const values = new Float32Array(items.length * width);
    items.forEach((item, row) => {
      this.#models.forEach(({ scores, ranks }, i) => {
        values[row * width + 2 * i] = scores[item] as number;
        values[row * width + 2 * i + 1] = ranks[item] as number;
      });
      values[row * width + width - 1] = this.#had;
    });
    return values;
  }
}

/** Of mean 0 and deviation 1 over `others`. */
function standardised(scores: Float32Array, others: Int32Array): Float32Array {
  let [sum, squares] = [0, 0];
  for (const item of others) {
    sum += scores[item] as number;
    squares += (scores[item] as number) ** 2;
  }
  const mean = sum / others.length;
  const deviation = Math.sqrt(Math.max(1e-12, squares / others.length - mean * mean));
  return scores.map((score) => (score - mean) / deviation);
}
