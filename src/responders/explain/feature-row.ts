import { hash } from 'node:crypto';
import type { FeatureColumn } from '#models';

/** The features of one item in the order of a ranker's inputs, null for a missing value. */
export type FeatureRow = (number | string | null)[];

const HASH_DIGITS = 16;

export function rowAt(columns: readonly FeatureColumn[], place: number): FeatureRow {
  const row: FeatureRow = new Array(columns.length);
  for (let i = 0; i < columns.length; i++) {
    const value = (columns[i] as FeatureColumn)[place] as number | string | null;
    row[i] = typeof value === 'number' && Number.isNaN(value) ? null : value;
  }
  return row;
}

/** Columns of one item: what a ranker reads of the row. Missing values of inputs that are numbers are NaN again. */
export function columnsOfRow(row: FeatureRow, isText: readonly boolean[]): readonly FeatureColumn[] {
  return row.map((value, at) =>
    isText[at] === true ? [value as string | null] : Float64Array.of((value as number | null) ?? Number.NaN),
  );
}

/**
 * The first 16 hexadecimal digits of a SHA-256 over the numbers as doubles (little-endian, NaN where there is none), then the
 * texts with their places as JSON.
 */
export function hashOfRow(row: FeatureRow): string {
  return hashAt(
    row.map((value) => (typeof value === 'number' ? Float64Array.of(value) : [value])),
    0,
  );
}

/** The same of an item in columns. */
export function hashAt(columns: readonly FeatureColumn[], place: number): string {
  const numberBytes = columns.length * Float64Array.BYTES_PER_ELEMENT;
  let texts = '';
  if (numberBytes > scratch.length) enlarge(numberBytes);
  for (let i = 0; i < columns.length; i++) {
    const column = columns[i] as FeatureColumn;
    if (column instanceof Float64Array) {
      const value = column[place] as number;
      // NaN has many bit patterns; equal rows need one.
      numbers[i] = Number.isNaN(value) ? Number.NaN : value;
      continue;
    }
    const text = column[place] as string | null;
    numbers[i] = Number.NaN;
    if (text !== null) texts += `${texts === '' ? '[' : ','}[${i},${JSON.stringify(text)}]`;
  }
  if (texts !== '') texts += ']';
  const mostBytes = numberBytes + 3 * texts.length;
  if (mostBytes > scratch.length) enlarge(mostBytes);
  const end = numberBytes + scratch.write(texts, numberBytes);
  return hash('sha256', scratch.subarray(0, end), 'hex').slice(0, HASH_DIGITS);
}

/** What is hashed, one row at a time. */
let scratch = Buffer.allocUnsafeSlow(4096);
let numbers = new Float64Array(scratch.buffer);

/** What it holds is kept. */
function enlarge(bytes: number): void {
  const larger = Buffer.allocUnsafeSlow(8 * Math.ceil(bytes / 4));
  scratch.copy(larger);
  scratch = larger;
  numbers = new Float64Array(scratch.buffer);
}
