/** Which vectors an index is calibrated with where no queries are known. */
import { hashId } from '../storage/id-hash.ts';

const HELD_OUT = 1000;
const LARGEST_SHARE = 0.5;

/**
 * About 1,000 rows, half of all at most: those whose ids hash lowest. Two builds whose vectors are mostly the same hold out mostly the same
 * ones, so that what is special about a sample raises or lowers how many lists both search, and their recalls stay close together.
 */
export function heldOutRows(size: number, idOf: (row: number) => number): Int32Array {
  const bound = Math.min(LARGEST_SHARE, HELD_OUT / size) * 2 ** 32;
  const held: number[] = [];
  for (let row = 0; row < size; row++) if (hashId(idOf(row)) >>> 0 < bound) held.push(row);
  return Int32Array.from(held);
}
