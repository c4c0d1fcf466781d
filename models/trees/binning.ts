/**
 * Columns as bins: at most 255 for values and one for those that are missing. Thresholds are float32, between two values
 * that occur: a row is in a bin by the same comparison that scores it.
 */
import { sortNumbers } from '#platform';
import { seededRandom } from '../random.ts';
import type { FeatureRows } from './ensemble.ts';

export type BinnedColumn = {
  /** Its index in the rows. */
  readonly column: number;
  /** Without that of missing values, which comes after them. */
  readonly bins: number;
  /** Its first bin among those of all columns. */
  readonly slot: number;
  /** [bins] of a numeric column: the greatest value of a bin, or one below the least of the next. */
  readonly thresholds: Float32Array | undefined;
  /** [bins - 1] of a categorical column: the category of a bin. The last bin has all other categories, which are rare. */
  readonly categories: Int32Array | undefined;
  /** Whether two bins have rows: otherwise the column can't split them. */
  readonly varies: boolean;
};

export type Binning = {
  /** In the order of their names, so that the order of the columns in the rows does not show. */
  readonly columns: readonly BinnedColumn[];
  /** Bins of all columns, those of missing values included. */
  readonly slots: number;
};

/** Columns whose bins share a word of memory. */
export const COLUMNS_PER_BLOCK = 4;

/** Bins of a column, including the one for missing values: a bin is a byte. */
export const MOST_BINS = 256;

/** Takes every finite value. */
const ANY = Math.fround(3.4028234663852886e38);
/** As LightGBM's bin_construct_sample_cnt: quantiles of this many rows are close enough. */
const SAMPLED_ROWS = 200_000;
const SAMPLING_SEED = 1;

export function binningOf(data: FeatureRows, maxBins: number): Binning {
  const sampled = sampleOf(data.rows);
  const byName = data.columns
    .map(({ name, categories }, column) => ({ name, categories, column }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  let slots = 0;
  const columns = byName.map(({ column, categories: known }): BinnedColumn => {
    const shape =
      known === undefined
        ? { thresholds: thresholdsOf(columnOf(data, column, sampled), maxBins), categories: undefined }
        : { thresholds: undefined, categories: frequentCategories(data, column, known.length, maxBins - 1) };
    const bins = shape.thresholds?.length ?? (shape.categories?.length ?? 0) + 1;
    const slot = slots;
    slots += bins + 1;
    return { column, bins, slot, varies: varies(data, column), ...shape };
  });
  return { columns, slots };
}

function sampleOf(rows: number): Int32Array {
  if (rows <= SAMPLED_ROWS) return Int32Array.from({ length: rows }, (_, row) => row);
  const random = seededRandom(SAMPLING_SEED);
  return Int32Array.from({ length: SAMPLED_ROWS }, () => random.integer(rows));
}

function varies({ columns, rows, values }: FeatureRows, column: number): boolean {
  const first = values[column] as number;
  for (let row = 1, at = column + columns.length; row < rows; row++, at += columns.length) {
    if (!Object.is(values[at], first)) return true;
  }
  return false;
}

/** Values that are there, ascending. */
function columnOf({ columns, values }: FeatureRows, column: number, rows: Int32Array): Float32Array {
  const found = new Float32Array(rows.length);
  let count = 0;
  for (const row of rows) {
    const value = values[row * columns.length + column] as number;
    if (!Number.isNaN(value)) found[count++] = value;
  }
  const there = found.subarray(0, count);
  sortNumbers(there);
  return there;
}

/**
 * Bins of about equally many rows, and one for each value where there are few. A value with more rows than a bin should
 * have gets its own: LightGBM's greedy search of bounds.
 */
function thresholdsOf(sorted: Float32Array, maxBins: number): Float32Array {
  const { values, counts } = distinctOf(sorted);
  const thresholds: number[] = [];
  let rest = sorted.length;
  let inBin = 0;
  values.forEach((value, i) => {
    const next = values[i + 1];
    if (next === undefined) return;
    inBin += counts[i] as number;
    const wanted = rest / (maxBins - thresholds.length);
    const isFull = inBin >= wanted || ((counts[i + 1] as number) >= wanted && inBin >= wanted / 2);
    const isLast = thresholds.length === maxBins - 1;
    if (isLast || !(isFull || values.length <= maxBins)) return;
    thresholds.push(between(value, next));
    rest -= inBin;
    inBin = 0;
  });
  return Float32Array.from([...thresholds, ANY]);
}

/** Each distinct value once, and how often it occurs; the values ascend. */
function distinctOf(sorted: Float32Array): { readonly values: Float32Array; readonly counts: Int32Array } {
  const values = new Float32Array(sorted.length);
  const counts = new Int32Array(sorted.length);
  let count = 0;
  for (let i = 0; i < sorted.length; i++) {
    const value = sorted[i] as number;
    if (i === 0 || value !== values[count - 1]) values[count++] = value;
    counts[count - 1] = (counts[count - 1] as number) + 1;
  }
  return { values: values.subarray(0, count), counts: counts.subarray(0, count) };
}

/** The middle in float32: at least `low`, below `high`. */
function between(low: number, high: number): number {
  const middle = Math.fround(low / 2 + high / 2);
  return middle >= low && middle < high ? middle : low;
}

function frequentCategories(data: FeatureRows, column: number, known: number, most: number): Int32Array {
  const counts = new Int32Array(known);
  const width = data.columns.length;
  for (let row = 0; row < data.rows; row++) {
    const value = data.values[row * width + column] as number;
    if (!Number.isNaN(value)) counts[value] = (counts[value] as number) + 1;
  }
  const seen: number[] = [];
  counts.forEach((count, category) => {
    if (count > 0) seen.push(category);
  });
  // Stable: of equally many rows the lower category.
  seen.sort((a, b) => (counts[b] as number) - (counts[a] as number) || a - b);
  return Int32Array.from(seen.slice(0, most)).sort();
}

/** Puts the bin of every value into `packed`, [blocks, rows]: a byte for each of a block's columns, the first one lowest. */
export function packBins(data: FeatureRows, { columns }: Binning, packed: Uint32Array): void {
  columns.forEach((column, i) => {
    const block = Math.floor(i / COLUMNS_PER_BLOCK) * data.rows;
    const shift = 8 * (i % COLUMNS_PER_BLOCK);
    const binOf = binner(column, data.columns[column.column]?.categories?.length ?? 0);
    const width = data.columns.length;
    for (let row = 0, at = column.column; row < data.rows; row++, at += width) {
      packed[block + row] = (packed[block + row] as number) | (binOf(data.values[at] as number) << shift);
    }
  });
}

function binner({ bins, thresholds, categories }: BinnedColumn, known: number): (value: number) => number {
  if (thresholds !== undefined) {
    const firstBins = firstBinsOf(thresholds);
    return (value) => {
      if (Number.isNaN(value)) return bins;
      let bin = firstBins[prefixOf(value)] as number;
      while (value > (thresholds[bin] as number)) bin++;
      return bin;
    };
  }
  const binOfCategory = new Uint8Array(known).fill(bins - 1);
  categories?.forEach((category, bin) => {
    binOfCategory[category] = bin;
  });
  return (value) => (Number.isNaN(value) ? bins : (binOfCategory[value] as number));
}

/** Bits used to look up a bin: sign, exponent, and seven of the fraction. Few values share theirs with a threshold. */
const PREFIX_BITS = 16;
const float = new Float32Array(1);
const bitsOfFloat = new Int32Array(float.buffer);

/** The first bits of a value as a number that ascends with it. */
function prefixOf(value: number): number {
  // The zeros are equal as values, so they must be here.
  float[0] = value + 0;
  const bits = bitsOfFloat[0] as number;
  return (bits ^ ((bits >> 31) | 0x8000_0000)) >>> PREFIX_BITS;
}

/** [prefixes]: the first bin that a value with the prefix can be in. */
function firstBinsOf(thresholds: Float32Array): Uint8Array {
  const first = new Uint8Array(2 ** PREFIX_BITS);
  let from = 0;
  thresholds.forEach((threshold, bin) => {
    const prefix = prefixOf(threshold);
    first.fill(bin, from, prefix + 1);
    from = prefix + 1;
  });
  return first;
}
