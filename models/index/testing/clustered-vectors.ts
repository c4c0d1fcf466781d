import { seededRandom } from '../../random.ts';

/** Vectors around centres; other seeds draw from the same clusters. */
export function clusteredVectors(
  count: number,
  dim: number,
  { clusters, seed }: { readonly clusters: number; readonly seed: number },
): Float32Array {
  const ofCentres = seededRandom(clusters);
  const centres = Float32Array.from({ length: clusters * dim }, () => ofCentres.normal());
  const random = seededRandom(seed);
  const vectors = new Float32Array(count * dim);
  for (let i = 0; i < count; i++) {
    const centre = random.integer(clusters) * dim;
    for (let d = 0; d < dim; d++) {
      vectors[i * dim + d] = (centres[centre + d] as number) + 0.6 * random.normal();
    }
  }
  return vectors;
}
