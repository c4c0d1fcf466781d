/** Bits of a double's fraction that sums may use; one is left for rounding. */
const FRACTION_BITS = 51;

/**
 * Rounds the first and the second derivatives, [rows, 2], to multiples of a power of two so small and so large that
 * sums of them are exact in double precision. So neither the order of rows, the number of threads nor the difference of
 * two histograms changes a bit. The rounding is less than 2^-51 of the sum of all absolute values.
 */
export function roundForExactSums(gradients: Float64Array): void {
  for (const lane of [0, 1]) {
    let sum = 0;
    for (let i = lane; i < gradients.length; i += 2) sum += Math.abs(gradients[i] as number);
    if (sum === 0) continue;
    const unit = 2 ** (Math.ceil(Math.log2(sum)) - FRACTION_BITS);
    // Adding it shifts what is below the unit out of the fraction.
    const shift = 1.5 * 2 ** 52 * unit;
    for (let i = lane; i < gradients.length; i += 2) {
      gradients[i] = (gradients[i] as number) + shift - shift;
    }
  }
}
