import { seededRandom, type TrainingRows } from '#models';

export const ROWS = 100_000;
export const COLUMNS = 40;
const SEED = 1;
/** Of the columns that the label depends on. */
const LINEAR = 8;

/** Normal columns, some of which decide on a label of 0 or 1 together with noise and a product of two others. */
export function binaryTable(): TrainingRows {
  const random = seededRandom(SEED);
  const values = Float32Array.from({ length: ROWS * COLUMNS }, () => random.normal());
  const labels = Float32Array.from({ length: ROWS }, (_, row) => {
    const own = values.subarray(row * COLUMNS, (row + 1) * COLUMNS);
    const linear = own.subarray(0, LINEAR).reduce((sum, value, i) => sum + (i % 2 === 0 ? value : -value), 0);
    const product = (own[LINEAR] as number) * (own[LINEAR + 1] as number);
    return linear + product + random.normal() > 0 ? 1 : 0;
  });
  const columns = Array.from({ length: COLUMNS }, (_, i) => ({ name: `x${i}` }));
  return { columns, rows: ROWS, values, labels };
}
