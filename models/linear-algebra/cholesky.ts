/**
 * Replaces the lower triangle of a symmetric positive definite matrix, [n, n] by rows, by its Cholesky factor L with
 * L Lᵀ = the matrix. What lies above the diagonal is neither read nor written. False where the matrix is not positive
 * definite, to the precision of doubles; its contents are then of no use.
 */
export function choleskyFactor(matrix: Float64Array, n: number): boolean {
  for (let i = 0; i < n; i++) {
    let j = 0;
    for (; j + 4 <= i; j += 4) factorFour(matrix, n, i, j);
    for (; j < i; j++) {
      matrix[i * n + j] = remainder(matrix, n, i, j) / (matrix[j * n + j] as number);
    }
    const pivot = remainder(matrix, n, i, i);
    if (!(pivot > 0)) return false;
    matrix[i * n + i] = Math.sqrt(pivot);
  }
  return true;
}

/** The entry less what the first j columns of the factor explain of it. */
function remainder(matrix: Float64Array, n: number, i: number, j: number): number {
  let sum = matrix[i * n + j] as number;
  for (let k = 0; k < j; k++) sum -= (matrix[i * n + k] as number) * (matrix[j * n + k] as number);
  return sum;
}

/** Entries j to j + 3 of row i: four sums that need not wait for each other take half the time of one by one. */
function factorFour(matrix: Float64Array, n: number, i: number, j: number): void {
  const row = i * n;
  const [r0, r1, r2, r3] = [j * n, (j + 1) * n, (j + 2) * n, (j + 3) * n] as const;
  let s0 = matrix[row + j] as number;
  let s1 = matrix[row + j + 1] as number;
  let s2 = matrix[row + j + 2] as number;
  let s3 = matrix[row + j + 3] as number;
  for (let k = 0; k < j; k++) {
    const x = matrix[row + k] as number;
    s0 -= x * (matrix[r0 + k] as number);
    s1 -= x * (matrix[r1 + k] as number);
    s2 -= x * (matrix[r2 + k] as number);
    s3 -= x * (matrix[r3 + k] as number);
  }
  const at = (r: number, k: number) => matrix[r + j + k] as number;
  s0 /= at(r0, 0);
  s1 = (s1 - s0 * at(r1, 0)) / at(r1, 1);
  s2 = (s2 - s0 * at(r2, 0) - s1 * at(r2, 1)) / at(r2, 2);
  s3 = (s3 - s0 * at(r3, 0) - s1 * at(r3, 1) - s2 * at(r3, 2)) / at(r3, 3);
  matrix[row + j] = s0;
  matrix[row + j + 1] = s1;
  matrix[row + j + 2] = s2;
  matrix[row + j + 3] = s3;
}

/** Replaces b, [n], by the solution x of L Lᵀ x = b. */
export function choleskySolve(factor: Float64Array, n: number, b: Float64Array): void {
  for (let i = 0; i < n; i++) {
    let sum = b[i] as number;
    for (let k = 0; k < i; k++) sum -= (factor[i * n + k] as number) * (b[k] as number);
    b[i] = sum / (factor[i * n + i] as number);
  }
  for (let i = n - 1; i >= 0; i--) {
    const solved = (b[i] as number) / (factor[i * n + i] as number);
    b[i] = solved;
    // By columns of Lᵀ, which are rows of L: memory is read in order.
    for (let k = 0; k < i; k++) b[k] = (b[k] as number) - (factor[i * n + k] as number) * solved;
  }
}

/** The inverse of L Lᵀ, [n, n], both triangles. */
export function choleskyInverse(factor: Float64Array, n: number): Float64Array {
  const inverse = new Float64Array(n * n);
  const column = new Float64Array(n);
  for (let j = 0; j < n; j++) {
    column.fill(0);
    column[j] = 1;
    choleskySolve(factor, n, column);
    // The inverse is symmetric: its columns are its rows.
    inverse.set(column, j * n);
  }
  return inverse;
}
