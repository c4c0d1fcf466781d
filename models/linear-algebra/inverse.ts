import { choleskyFactor, choleskyInverse } from './cholesky.ts';

/** Rows and columns swept at once: three blocks of doubles fit the second-level cache. */
const BLOCK_SIZE = 64;

/**
 * Replaces a symmetric positive definite matrix, [n, n] by rows, by its inverse, in place: n³ / 2 multiplications. Only
 * the lower triangle is read; both are written. False where the matrix is not positive definite.
 *
 * Gauss-Jordan elimination by blocks, the "sweep" of Goodnight (1979): with the block D of the pivots, the columns C
 * below and above it, and the rest A, one sweep makes
 *
 *     A - C D⁻¹ Cᵀ    C D⁻¹
 *     D⁻¹ Cᵀ          -D⁻¹
 *
 * and after one sweep of each block the matrix is the inverse, negated. Each D is a Schur complement, so it is positive
 * definite as the matrix is, and is inverted by its Cholesky factor.
 */
export function invertPositiveDefinite(
  matrix: Float64Array,
  n: number,
  onRows?: (rows: number) => void,
): boolean {
  const columns = new Float64Array(n * BLOCK_SIZE);
  const products = new Float64Array(n * BLOCK_SIZE);
  for (let from = 0; from < n; from += BLOCK_SIZE) {
    const width = Math.min(BLOCK_SIZE, n - from);
    const pivot = copyBlock(matrix, n, from, width);
    if (!choleskyFactor(pivot, width)) return false;
    const inverse = choleskyInverse(pivot, width);
    copyColumns(matrix, n, from, width, columns);
    multiplyRows(columns, inverse, n, width, products);
    subtractProducts(matrix, n, columns, products, width);
    writeSwept(matrix, n, from, width, products, inverse);
    onRows?.(width);
  }
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const value = -(matrix[i * n + j] as number);
      matrix[i * n + j] = value;
      matrix[j * n + i] = value;
    }
  }
  return true;
}

function copyBlock(matrix: Float64Array, n: number, from: number, width: number): Float64Array {
  const block = new Float64Array(width * width);
  for (let i = 0; i < width; i++) {
    const at = (from + i) * n + from;
    block.set(matrix.subarray(at, at + width), i * width);
  }
  return block;
}

/** The pivots' columns over all rows, [n, width], the pivots' own rows zero; above them, from the lower triangle's rows. */
function copyColumns(
  matrix: Float64Array,
  n: number,
  from: number,
  width: number,
  columns: Float64Array,
): void {
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < width; c++) {
      const value = i < from ? matrix[(from + c) * n + i] : i < from + width ? 0 : matrix[i * n + from + c];
      columns[i * width + c] = value as number;
    }
  }
}

/** products = columns x square, where the square, [width, width], is symmetric. */
function multiplyRows(
  columns: Float64Array,
  square: Float64Array,
  n: number,
  width: number,
  products: Float64Array,
): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < width; j++) {
      let sum = 0;
      for (let k = 0; k < width; k++) {
        sum += (columns[i * width + k] as number) * (square[j * width + k] as number);
      }
      products[i * width + j] = sum;
    }
  }
}

/** matrix -= columns x productsᵀ, the lower triangle by tiles of four times four; its edge is swept one by one. */
function subtractProducts(
  matrix: Float64Array,
  n: number,
  columns: Float64Array,
  products: Float64Array,
  width: number,
): void {
  const whole = n - (n % TILE);
  for (let j0 = 0; j0 < whole; j0 += BLOCK_SIZE) {
    const j1 = Math.min(whole, j0 + BLOCK_SIZE);
    for (let i = j0; i < whole; i += TILE) {
      for (let j = j0; j < j1 && j <= i; j += TILE) {
        subtractTile(matrix, n, columns, products, width, i, j);
      }
    }
  }
  for (let i = whole; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < width; k++) {
        sum += (columns[i * width + k] as number) * (products[j * width + k] as number);
      }
      matrix[i * n + j] = (matrix[i * n + j] as number) - sum;
    }
  }
}

const TILE = 4;

/** Each number of two times four rows is loaded once for four multiplications; the sums stay in registers. */
function subtractTile(
  matrix: Float64Array,
  n: number,
  columns: Float64Array,
  products: Float64Array,
  width: number,
  i: number,
  j: number,
): void {
  for (let half = 0; half < 2; half++) {
    const a0 = (i + 2 * half) * width;
    const a1 = a0 + width;
    const b0 = j * width;
    const b1 = b0 + width;
    const b2 = b1 + width;
    const b3 = b2 + width;
    let [s00, s01, s02, s03, s10, s11, s12, s13] = [0, 0, 0, 0, 0, 0, 0, 0];
    for (let k = 0; k < width; k++) {
      const x0 = columns[a0 + k] as number;
      const x1 = columns[a1 + k] as number;
      const y0 = products[b0 + k] as number;
      const y1 = products[b1 + k] as number;
      const y2 = products[b2 + k] as number;
      const y3 = products[b3 + k] as number;
      s00 += x0 * y0;
      s01 += x0 * y1;
      s02 += x0 * y2;
      s03 += x0 * y3;
      s10 += x1 * y0;
      s11 += x1 * y1;
      s12 += x1 * y2;
      s13 += x1 * y3;
    }
    const at = (i + 2 * half) * n + j;
    subtractFour(matrix, at, s00, s01, s02, s03);
    subtractFour(matrix, at + n, s10, s11, s12, s13);
  }
}

function subtractFour(matrix: Float64Array, at: number, a: number, b: number, c: number, d: number): void {
  matrix[at] = (matrix[at] as number) - a;
  matrix[at + 1] = (matrix[at + 1] as number) - b;
  matrix[at + 2] = (matrix[at + 2] as number) - c;
  matrix[at + 3] = (matrix[at + 3] as number) - d;
}

function writeSwept(
  matrix: Float64Array,
  n: number,
  from: number,
  width: number,
  products: Float64Array,
  inverse: Float64Array,
): void {
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < width; c++) {
      const column = from + c;
      if (i >= from + width) matrix[i * n + column] = products[i * width + c] as number;
      else if (i < from) matrix[column * n + i] = products[i * width + c] as number;
      else matrix[i * n + column] = -(inverse[(i - from) * width + c] as number);
    }
  }
}
