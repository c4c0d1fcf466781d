import type { Vectors } from '../two-tower/data.ts';

/** How the values of one dense feature are scaled: (f(x) - mean) / deviation, where f is x or log(1 + x). */
export type Scale = { readonly isLog: boolean; readonly mean: number; readonly deviation: number };

/** Above this skewness a feature that is never negative, such as a count or a price, is taken by its logarithm. */
const SKEWED = 2;

/** For each feature, from the values of `rows`; one that has none, or is constant, comes out as zeros. */
export function fitScales({ width, values }: Vectors, rows: Int32Array): readonly Scale[] {
  return Array.from({ length: width }, (_, feature): Scale => {
    const valueIn = (row: number) => values[row * width + feature] as number;
    const there = rows.filter((row) => !Number.isNaN(valueIn(row)));
    const plain = momentsOf(there, valueIn);
    const isLog = plain.skewness > SKEWED && there.every((row) => valueIn(row) >= 0);
    const { mean, deviation } = isLog ? momentsOf(there, (row) => Math.log1p(valueIn(row))) : plain;
    return { isLog, mean, deviation };
  });
}

function momentsOf(
  rows: Int32Array,
  valueIn: (row: number) => number,
): { mean: number; deviation: number; skewness: number } {
  const count = Math.max(1, rows.length);
  const moment = (power: number, centre: number) => {
    let sum = 0;
    for (const row of rows) sum += (valueIn(row) - centre) ** power;
    return sum / count;
  };
  const mean = moment(1, 0);
  const deviation = Math.sqrt(moment(2, mean));
  // What is left of a constant by rounding is no deviation.
  const isConstant = deviation <= 1e-6 * Math.abs(mean);
  if (isConstant) return { mean, deviation: 0, skewness: 0 };
  return { mean, deviation, skewness: moment(3, mean) / deviation ** 3 };
}

/** Columns that `normalised` makes of this many dense features. */
export const normalisedWidth = (features: number): number => 2 * features + 1;

/**
 * The dense features of some rows as the network reads them, [rows, 2 width + 1]: the scaled values, 0 where one is missing;
 * then for each a 1 where it is missing; then a 1, so that rows without features have a vector as well.
 */
export function normalised(
  { width, values }: Vectors,
  scales: readonly Scale[],
  rows: Int32Array,
): Float32Array {
  const columns = normalisedWidth(width);
  const result = new Float32Array(rows.length * columns);
  rows.forEach((row, i) => {
    for (let feature = 0; feature < width; feature++) {
      const value = values[row * width + feature] as number;
      const { isLog, mean, deviation } = scales[feature] as Scale;
      if (Number.isNaN(value)) result[i * columns + width + feature] = 1;
      else if (deviation > 0) {
        const taken = isLog ? Math.log1p(Math.max(0, value)) : value;
        result[i * columns + feature] = (taken - mean) / deviation;
      }
    }
    result[(i + 1) * columns - 1] = 1;
  });
  return result;
}
