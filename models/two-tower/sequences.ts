import type { Examples } from './data.ts';

/** What each user had, oldest first. Users are the rows' dense ids. */
export type Sequences = ReadonlyMap<number, ArrayLike<number>>;

/**
 * An example of each item of each sequence from place `from` on, with the items before it as its history. The rows of a
 * user share one copy of the sequence, so that histories cost no more than the items do. By user, then by time.
 */
export function sequenceExamples(
  sequences: Sequences,
  historyLength: number,
  from: (length: number, user: number) => number = () => 0,
): Examples {
  let count = 0;
  let total = 0;
  for (const [id, items] of sequences) {
    total += items.length;
    count += Math.max(0, items.length - from(items.length, id));
  }
  const user = new Int32Array(count);
  const item = new Int32Array(count);
  const historyOffsets = new Int32Array(count);
  const historyEnds = new Int32Array(count);
  const history = new Int32Array(total);
  let row = 0;
  let end = 0;
  for (const [id, items] of sequences) {
    const { length } = items;
    end += length;
    // Newest first: the item at `place` lies at `end - 1 - place`, followed by earlier ones.
    for (let place = 0; place < length; place++) history[end - 1 - place] = items[place] as number;
    for (let place = from(length, id); place < length; place++, row++) {
      user[row] = id;
      item[row] = items[place] as number;
      historyOffsets[row] = end - place;
      historyEnds[row] = Math.min(end, end - place + historyLength);
    }
  }
  return { user, item, weight: new Float32Array(count).fill(1), historyOffsets, historyEnds, history };
}
