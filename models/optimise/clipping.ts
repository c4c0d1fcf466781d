/** Euclidean norm of all gradients of a step taken together. */
export function globalNorm(gradients: Iterable<Float32Array>): number {
  let squares = 0;
  for (const gradient of gradients) {
    for (let i = 0; i < gradient.length; i++) squares += (gradient[i] as number) ** 2;
  }
  return Math.sqrt(squares);
}

/**
 * Scales all gradients of a step, in place, so that their global norm is `limit` at most: their direction stays (Pascanu et
 * al. 2013). Returns the norm that they had.
 */
export function clipGlobalNorm(gradients: readonly Float32Array[], limit: number): number {
  const norm = globalNorm(gradients);
  if (norm > limit) {
    for (const gradient of gradients) {
      for (let i = 0; i < gradient.length; i++) gradient[i] = (gradient[i] as number) * (limit / norm);
    }
  }
  return norm;
}
