import type { VectorTable } from '../linear-algebra/gram.ts';
import { RowProducts } from '../linear-algebra/row-products.ts';
import { seededRandom } from '../random.ts';
import { IalsSolver } from './ials-solver.ts';
import type { InteractionMatrix } from './interaction-matrix.ts';
import { checkOption } from './options.ts';
import type { FittedRecommender } from './port.ts';

export type IalsOptions = {
  /** d, length of the vectors. */
  readonly dimension: number;
  /** α, weight of each pair of a user and an item, had or not, beside the 1 of a pair that was had. */
  readonly unobservedWeight: number;
  /** λ. */
  readonly regularisation: number;
  /** ν: 0 regularises all vectors alike, 1 as much as they have pairs. */
  readonly frequencyExponent: number;
  /** Passes over users, then items. */
  readonly epochs: number;
  /** Coordinates of a vector that are solved for together: d is exact, less is faster. */
  readonly blockSize: number;
  /** Vectors begin normal, with this deviation divided by sqrt(d). */
  readonly initialDeviation: number;
  readonly seed: number;
  /** Called after each epoch; `model` gives what would have come of so many epochs. */
  readonly onEpoch?: (epoch: number, model: () => Ials) => void;
};

export const ialsDefaults: IalsOptions = {
  dimension: 64,
  unobservedWeight: 0.3,
  regularisation: 0.007,
  frequencyExponent: 1,
  epochs: 12,
  blockSize: 64,
  initialDeviation: 0.1,
  seed: 1,
};

/** Scores are inner products, so the item vectors can be searched by any index of them. */
export interface Ials extends FittedRecommender {
  readonly dimension: number;
  /** [items, dimension] */
  readonly itemVectors: Float32Array;
  /** The vector that fits a history best, [dimension]. */
  userVector(history: Int32Array): Float32Array;
}

/**
 * Implicit alternating least squares (Hu, Koren and Volinsky 2008), with the regularisation of Rendle et al. 2021
 * ("Revisiting the Performance of iALS on Item Recommendation Benchmarks") and the blocks of iALS++ (Rendle et al. 2021).
 *
 *     W  [users, d], H  [items, d]     vectors; S the pairs that were had
 *     loss = Σ over S of (w·h - 1)²  +  α Σ over all pairs of (w·h)²  +  λ Σ f(u)^ν |w|²  +  λ Σ f(i)^ν |h|²
 *     f(u) = items had by u + α items,   f(i) = users of i + α users
 *
 * With H fixed each user's vector is a least-squares problem of its own, and so is each item's with W fixed. The sum
 * over all pairs is Σ w (α HᵀH) wᵀ, so a pass costs no more than the pairs that there are. `IalsSolver` has the equations.
 *
 * Someone's vector is solved for, exactly, from their history when they are scored; W only serves the training.
 */
export function fitIals(interactions: InteractionMatrix, options: Partial<IalsOptions> = {}): Ials {
  const all = { ...ialsDefaults, ...options };
  check(all);
  const { dimension: dim, epochs, initialDeviation, seed, onEpoch } = all;
  const random = seededRandom(seed);
  const deviation = initialDeviation / Math.sqrt(dim);
  const initial = (count: number): VectorTable => ({
    values: Float32Array.from({ length: count * dim }, () => random.normal() * deviation),
    dim,
  });
  const users = initial(interactions.users);
  const items = initial(interactions.items);
  const byItem = interactions.transposed();
  const solver = new IalsSolver(all, all.blockSize);
  const exact = new IalsSolver(all, dim);
  for (let epoch = 1; epoch <= epochs; epoch++) {
    solver.improveAll(users, items, interactions);
    solver.improveAll(items, users, byItem);
    onEpoch?.(epoch, () => fitted({ values: items.values.slice(), dim }, exact));
  }
  return fitted(items, exact);
}

function check(options: IalsOptions): void {
  for (const name of ['dimension', 'epochs', 'blockSize'] as const) {
    checkOption('ials', name, options[name], 'a whole number above 0');
  }
  // Without regularisation someone with fewer items than dimensions may have no single best vector.
  for (const name of ['regularisation', 'initialDeviation'] as const) {
    checkOption('ials', name, options[name], 'above 0');
  }
  for (const name of ['unobservedWeight', 'frequencyExponent'] as const) {
    checkOption('ials', name, options[name], 'not below 0');
  }
  checkOption('ials', 'seed', options.seed, 'a whole number');
}

function fitted(items: VectorTable, solver: IalsSolver): Ials {
  const { values, dim } = items;
  const fixed = solver.fix(items);
  const products = new RowProducts(items);
  const userVector = (history: Int32Array): Float32Array => {
    const vector = new Float32Array(dim);
    solver.improve(vector, history, fixed);
    return vector;
  };
  return {
    items: values.length / dim,
    dimension: dim,
    itemVectors: values,
    userVector,
    scores(history, candidates) {
      const all = products.with(userVector(history));
      return candidates === undefined ? all : Float32Array.from(candidates, (item) => all[item] as number);
    },
  };
}
