/** Counts by key as two parallel arrays, keys ascending and distinct: the canonical order is the order in memory. */
import type { CanonicalReader, CanonicalWriter } from '../encoding.ts';
import { addExact } from './sums.ts';

/** No count is 0: a key whose count comes to 0 is not held, as one that never was. */
export type SortedCounts<Key> = { readonly keys: Key[]; readonly counts: number[] };

export type Compare<Key> = (a: Key, b: Key) => number;

export const ascending: Compare<number> = (a, b) => a - b;

/** Where `key` stands in `keys`, or -1 - i where it is missing and belongs at i. */
export function search<Key>(keys: readonly Key[], key: Key, compare: Compare<Key>): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = compare(keys[middle] as Key, key);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return -1 - low;
}

/** Adds the integer `amount`, which may be negative, to the count of `key`. */
export function addCount<Key>(
  { keys, counts }: SortedCounts<Key>,
  key: Key,
  amount: number,
  compare: Compare<Key>,
): void {
  const found = search(keys, key, compare);
  const total = addExact(found < 0 ? 0 : (counts[found] as number), amount);
  if (total === 0) {
    if (found >= 0) {
      keys.splice(found, 1);
      counts.splice(found, 1);
    }
  } else if (found >= 0) {
    counts[found] = total;
  } else {
    keys.splice(-1 - found, 0, key);
    counts.splice(-1 - found, 0, total);
  }
}

/** A new list with the counts of both. */
export function mergeCounts<Key>(
  a: SortedCounts<Key>,
  b: SortedCounts<Key>,
  compare: Compare<Key>,
): SortedCounts<Key> {
  const keys: Key[] = [];
  const counts: number[] = [];
  let left = 0;
  let right = 0;
  while (left < a.keys.length || right < b.keys.length) {
    const order =
      left === a.keys.length
        ? 1
        : right === b.keys.length
          ? -1
          : compare(a.keys[left] as Key, b.keys[right] as Key);
    const key = (order <= 0 ? a.keys[left] : b.keys[right]) as Key;
    let total = 0;
    if (order <= 0) total = a.counts[left++] as number;
    if (order >= 0) total = addExact(total, b.counts[right++] as number);
    if (total === 0) continue;
    keys.push(key);
    counts.push(total);
  }
  return { keys, counts };
}

/** For integer keys and counts above 0: how many, then each distance from the key before and its count. */
export function encodeBuckets(writer: CanonicalWriter, { keys, counts }: SortedCounts<number>): void {
  writer.unsigned(keys.length);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as number;
    if (i === 0) writer.signed(key);
    else writer.unsigned(key - (keys[i - 1] as number));
    writer.unsigned(counts[i] as number);
  }
}

export function decodeBuckets(reader: CanonicalReader): SortedCounts<number> {
  const length = reader.unsigned();
  const keys: number[] = [];
  const counts: number[] = [];
  let key = 0;
  for (let i = 0; i < length; i++) {
    const step = i === 0 ? reader.signed() : reader.unsigned();
    reader.require(i === 0 || step > 0, 'buckets out of order');
    key += step;
    reader.require(Number.isSafeInteger(key), 'a bucket beyond 2^53');
    const count = reader.unsigned();
    reader.require(count > 0, 'an empty bucket');
    keys.push(key);
    counts.push(count);
  }
  return { keys, counts };
}
