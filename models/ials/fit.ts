import type { InteractionMatrix } from '../implicit/interaction-matrix.ts';
import type { FittedRecommender } from '../implicit/port.ts';
import type { VectorTable } from '../linear-algebra/gram.ts';
import { RowProducts } from '../linear-algebra/row-products.ts';
import { type ConfigOf, checkRanges, checkValue, defaultsOf, type Parameters } from '../parameters.ts';
import { seededRandom } from '../random.ts';
import { type Fixed, IalsSolver } from './solver.ts';

export const ialsParameters = {
  dim: {
    default: 64,
    range: 'a whole number above 0',
    most: 4096,
    about: 'd, length of the vectors of users and items.',
    search: [16, 32, 64, 128],
  },
  unobservedWeight: {
    default: 0.3,
    range: 'not below 0',
    about: 'α, weight of each pair of a user and an item, had or not, beside the 1 of a pair that was had.',
    search: { from: 0.03, to: 1, log: true },
  },
  // Without regularisation someone with fewer items than dimensions may have no single best vector.
  regularisation: {
    default: 0.007,
    range: 'above 0',
    about: 'λ, of the squared vectors.',
    search: { from: 0.001, to: 0.05, log: true },
  },
  frequencyExponent: {
    default: 1,
    range: 'not below 0',
    about: 'ν: 0 regularises all vectors alike, 1 as much as they have pairs.',
  },
  epochs: {
    default: 12,
    range: 'a whole number above 0',
    most: 100_000,
    about: 'Passes over users, then items.',
  },
  blockSize: {
    default: 64,
    range: 'a whole number above 0',
    most: 4096,
    about: 'Coordinates of a vector that are solved for together: d is exact, less is faster.',
  },
  initialDeviation: {
    default: 0.1,
    range: 'above 0',
    about: 'Vectors begin normal, with this deviation divided by sqrt(d).',
  },
  historyLength: {
    default: 50,
    range: 'a whole number above 0',
    most: 10_000,
    about: 'Newest items of a history that count in answers.',
  },
} as const satisfies Parameters;

export type IalsOptions = Omit<ConfigOf<typeof ialsParameters>, 'historyLength'> & {
  readonly seed: number;
  /** Called after each epoch; `model` gives what would have come of this many epochs. */
  readonly onEpoch?: (epoch: number, model: () => Ials) => void;
};

const defaults: IalsOptions = { ...defaultsOf(ialsParameters), seed: 1 };

/** Scores are inner products, so the item vectors can be searched by any index of them. */
export interface Ials extends FittedRecommender {
  readonly dimension: number;
  /** [items, dimension] */
  readonly itemVectors: Float32Array;
  /** The vector that fits a history best, [dimension]. */
  userVector(history: Int32Array): Float32Array;
}

/** Rows solved for in one step, with what is at its end: the loss over them. */
const ROWS_AT_ONCE = 4096;

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
export class IalsFit {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly users: VectorTable;
  readonly items: VectorTable;
  readonly #solver: IalsSolver;
  readonly #options: IalsOptions;
  readonly #byUser: InteractionMatrix;
  readonly #byItem: InteractionMatrix;
  /** The side that is not solved for now. */
  #fixed: Fixed | undefined;

  constructor(interactions: InteractionMatrix, given: Partial<IalsOptions> = {}) {
    checkRanges('ials', ialsParameters, given);
    const options = { ...defaults, ...given };
    checkValue('ials', 'seed', options.seed, 'a whole number');
    const { dim, initialDeviation, seed } = options;
    const random = seededRandom(seed);
    const deviation = initialDeviation / Math.sqrt(dim);
    const initial = (count: number): VectorTable => ({
      values: Float32Array.from({ length: count * dim }, () => random.normal() * deviation),
      dim,
    });
    this.#options = options;
    this.users = initial(interactions.users);
    this.items = initial(interactions.items);
    this.#byUser = interactions;
    this.#byItem = interactions.transposed();
    this.#solver = new IalsSolver(options, options.blockSize);
    this.epochs = options.epochs;
    this.stepsPerEpoch = this.#stepsOf(this.#byUser) + this.#stepsOf(this.#byItem);
  }

  /**
   * Step `at` of an epoch, from 0: some users, or when all users are done, some items. Returns the loss of these rows, the
   * others held fixed, by the pair that was had.
   */
  step(at: number): number {
    const userSteps = this.#stepsOf(this.#byUser);
    const isUsers = at < userSteps;
    const place = isUsers ? at : at - userSteps;
    const [own, others, pairs] = isUsers
      ? ([this.users, this.items, this.#byUser] as const)
      : ([this.items, this.users, this.#byItem] as const);
    if (place === 0 || this.#fixed === undefined) this.#fixed = this.#solver.fix(others);
    const from = place * ROWS_AT_ONCE;
    return this.#solver.improveRows(own, this.#fixed, pairs, from, from + ROWS_AT_ONCE);
  }

  /** To be called when the vectors were changed from outside. */
  changed(): void {
    this.#fixed = undefined;
  }

  /** What the item vectors as they are come to; they are not copied. */
  fitted(): Ials {
    return foldingIn(this.items, this.#options);
  }

  #stepsOf({ users: rows }: InteractionMatrix): number {
    return Math.ceil(rows / ROWS_AT_ONCE);
  }
}

export function fitIals(interactions: InteractionMatrix, options: Partial<IalsOptions> = {}): Ials {
  const fit = new IalsFit(interactions, options);
  for (let epoch = 1; epoch <= fit.epochs; epoch++) {
    for (let step = 0; step < fit.stepsPerEpoch; step++) fit.step(step);
    const model = () => {
      const { values, dim } = fit.items;
      return foldingIn({ values: values.slice(), dim }, { ...defaults, ...options });
    };
    options.onEpoch?.(epoch, model);
  }
  return fit.fitted();
}

/** A model of item vectors: users are solved for when they are scored, by these weights of the loss. */
export function foldingIn(
  items: VectorTable,
  weights: Pick<IalsOptions, 'unobservedWeight' | 'regularisation' | 'frequencyExponent'>,
): Ials {
  const { values, dim } = items;
  const solver = new IalsSolver({ ...weights, dim }, dim);
  const fixed = solver.fix(items);
  let products: RowProducts | undefined;
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
      products ??= new RowProducts(items);
      const all = products.with(userVector(history));
      return candidates === undefined ? all : Float32Array.from(candidates, (item) => all[item] as number);
    },
  };
}
