import { ConfigurationError } from '#platform';
import { choleskyFactor, choleskySolve } from '../linear-algebra/cholesky.ts';
import { Gram, type VectorTable } from '../linear-algebra/gram.ts';
import type { IalsOptions } from './ials.ts';
import type { InteractionMatrix } from './interaction-matrix.ts';

type Weights = Pick<IalsOptions, 'dimension' | 'unobservedWeight' | 'regularisation' | 'frequencyExponent'>;

/** One side, held fixed while the other is solved for: H, [count, d], and α HᵀH, [d, d]. */
type Fixed = { readonly table: VectorTable; readonly weightedGram: Float64Array };

/** The row's coordinates that are solved for: `width` of them from `from` on. */
type Block = { readonly from: number; readonly width: number };

/**
 * Improves vectors w of one side, the vectors h of the other held fixed (iALS++, Rendle et al. 2021): a Newton step on
 * one block π of the coordinates after the other, which is exact for the block with the others as they are, and with a
 * single block gives the least squares of ordinary iALS:
 *
 *     (Σ h_π h_πᵀ + α (HᵀH)_ππ + λ f^ν I) δ  =  Σ (w·h - 1) h_π + α (HᵀH)_π w + λ f^ν w_π,     w_π -= δ
 *
 * where the sums run over the pairs that were had. Of n pairs this costs n d (blockSize / 2 + 3) multiplications, and
 * d blockSize² / 6 for the factor.
 */
export class IalsSolver {
  readonly #weights: Weights;
  readonly #blockSize: number;
  readonly #gram: Gram;
  readonly #matrix: Float64Array;

  constructor(weights: Weights, blockSize: number) {
    this.#weights = weights;
    this.#blockSize = Math.min(blockSize, weights.dimension);
    this.#gram = new Gram(this.#blockSize);
    this.#matrix = new Float64Array(this.#blockSize ** 2);
  }

  /** Every row of `own`; `pairs` says which rows of `others` it was met with. */
  improveAll({ values, dim }: VectorTable, others: VectorTable, pairs: InteractionMatrix): void {
    const fixed = this.fix(others);
    for (let row = 0; row < pairs.users; row++) {
      this.improve(values.subarray(row * dim, (row + 1) * dim), pairs.itemsOf(row), fixed);
    }
  }

  fix(table: VectorTable): Fixed {
    const { dim, values } = table;
    const gram = new Float64Array(dim * dim);
    const rows = Int32Array.from({ length: values.length / dim }, (_, row) => row);
    new Gram(dim).addTo(gram, table, rows, 0, dim);
    for (let i = 0; i < dim; i++) {
      for (let j = 0; j <= i; j++) {
        const value = (gram[i * dim + j] as number) * this.#weights.unobservedWeight;
        gram[i * dim + j] = value;
        gram[j * dim + i] = value;
      }
    }
    return { table, weightedGram: gram };
  }

  /** One step on each block of a vector whose pairs are with the rows `had` of the fixed side. */
  improve(vector: Float32Array, had: Int32Array, fixed: Fixed): void {
    const { dimension, unobservedWeight, regularisation, frequencyExponent } = this.#weights;
    const frequency = had.length + (unobservedWeight * fixed.table.values.length) / dimension;
    const ridge = regularisation * frequency ** frequencyExponent;
    const errors = new Float64Array(had.length).fill(-1);
    addProducts(errors, vector, 0, fixed.table, had);
    for (let from = 0; from < dimension; from += this.#blockSize) {
      const block = { from, width: Math.min(this.#blockSize, dimension - from) };
      const step = gradientOf(vector, block, had, errors, fixed, ridge);
      this.#solve(step, block, had, fixed, ridge);
      for (let d = 0; d < step.length; d++) {
        step[d] = -(step[d] as number);
        vector[from + d] = (vector[from + d] as number) + (step[d] as number);
      }
      addProducts(errors, step, from, fixed.table, had);
    }
  }

  /** Replaces the gradient by the Newton step. */
  #solve(gradient: Float64Array, { from, width }: Block, had: Int32Array, fixed: Fixed, ridge: number): void {
    const { table, weightedGram } = fixed;
    const matrix = this.#matrix.subarray(0, width * width);
    for (let i = 0; i < width; i++) {
      const row = (from + i) * table.dim + from;
      for (let j = 0; j <= i; j++) matrix[i * width + j] = weightedGram[row + j] as number;
      matrix[i * width + i] = (matrix[i * width + i] as number) + ridge;
    }
    this.#gram.addTo(matrix, table, had, from, width);
    if (!choleskyFactor(matrix, width)) {
      const { regularisation } = this.#weights;
      throw new ConfigurationError('MR_MODEL_CONFIG', `ials: regularisation is ${regularisation}`, {
        hint: 'It is so small that the equations are singular to the precision of floats: raise it.',
      });
    }
    choleskySolve(matrix, width, gradient);
  }
}

/** Half the gradient of the loss by the block's coordinates, [width]. */
function gradientOf(
  vector: Float32Array,
  { from, width }: Block,
  had: Int32Array,
  errors: Float64Array,
  { table, weightedGram }: Fixed,
  ridge: number,
): Float64Array {
  const { values, dim } = table;
  const gradient = new Float64Array(width);
  for (let d = 0; d < width; d++) {
    const row = (from + d) * dim;
    let sum = ridge * (vector[from + d] as number);
    for (let e = 0; e < dim; e++) sum += (weightedGram[row + e] as number) * (vector[e] as number);
    gradient[d] = sum;
  }
  for (let i = 0; i < had.length; i++) {
    const error = errors[i] as number;
    const row = (had[i] as number) * dim + from;
    for (let d = 0; d < width; d++) {
      gradient[d] = (gradient[d] as number) + error * (values[row + d] as number);
    }
  }
  return gradient;
}

/** Adds to each sum the product of `part` with the row's coordinates from `from` on. */
function addProducts(
  sums: Float64Array,
  part: Float32Array | Float64Array,
  from: number,
  { values, dim }: VectorTable,
  rows: Int32Array,
): void {
  const { length } = part;
  const even = length & ~1;
  for (let i = 0; i < rows.length; i++) {
    const row = (rows[i] as number) * dim + from;
    // Two sums need not wait for each other.
    let s0 = sums[i] as number;
    let s1 = even < length ? (part[even] as number) * (values[row + even] as number) : 0;
    for (let d = 0; d < even; d += 2) {
      s0 += (part[d] as number) * (values[row + d] as number);
      s1 += (part[d + 1] as number) * (values[row + d + 1] as number);
    }
    sums[i] = s0 + s1;
  }
}
