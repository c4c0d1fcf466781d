import { valueBucket } from '#processors';
import type { ChanceOutcomes } from '#schemas';

/** A tenth of the shown items, by the chance that they were given. */
export type Decile = {
  readonly shown: number;
  /** Mean chance. */
  readonly expected: number;
  /** Share that was clicked, or more. */
  readonly taken: number;
};

export type Calibration = {
  readonly shown: number;
  readonly expected: number;
  readonly taken: number;
  /** Mean distance of expectation and outcome over the deciles, weighted by items (expected calibration error). */
  readonly error: number;
  /** Ascending; fewer where many items have one chance. */
  readonly deciles: readonly Decile[];
};

const DECILES = 10;
const MILLION = 1e6;
const CERTAIN = valueBucket(1);

/** Whether predicted chances came true; null without any, and where the scores are no chances from 0 to 1. */
export function calibrationOf(chances: readonly ChanceOutcomes[]): Calibration | null {
  const total = sumOf(chances);
  const areChances = chances.every(({ bucket }) => bucket >= 0 && bucket <= CERTAIN);
  if (total.shown === 0 || !areChances) return null;
  const deciles: ChanceOutcomes[][] = [];
  let before = 0;
  for (const each of chances.toSorted((a, b) => a.bucket - b.bucket)) {
    // By the middle of what it holds, so that a bucket of many items does not fall to the decile in which it begins.
    const decile = Math.floor((DECILES * (before + each.shown / 2)) / total.shown);
    deciles[decile] = [...(deciles[decile] ?? []), each];
    before += each.shown;
  }
  const found = deciles.filter((each) => each !== undefined).map((each) => decileOf(sumOf(each)));
  const error = found.reduce(
    (sum, { shown, expected, taken }) => sum + (shown / total.shown) * Math.abs(expected - taken),
    0,
  );
  return { ...decileOf(total), error, deciles: found };
}

function sumOf(chances: readonly ChanceOutcomes[]): Omit<ChanceOutcomes, 'bucket'> {
  const sum = { shown: 0, millionths: 0, taken: 0 };
  for (const { shown, millionths, taken } of chances) {
    sum.shown += shown;
    sum.millionths += millionths;
    sum.taken += taken;
  }
  return sum;
}

function decileOf({ shown, millionths, taken }: Omit<ChanceOutcomes, 'bucket'>): Decile {
  return { shown, expected: millionths / MILLION / shown, taken: taken / shown };
}
