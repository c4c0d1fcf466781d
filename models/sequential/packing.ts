import type { Random } from '../random.ts';
import { type Sequences, sequenceOf } from './data.ts';

/** Part of a user's history that is learned from as one sequence: positions `start` up to `end`, each with a next item. */
export type Window = { readonly user: number; readonly start: number; readonly end: number };

/**
 * Cuts all histories into windows of `length` positions, and of each one window of the rest, at a place among them that is
 * drawn, so that over the epochs a position is met with more and with less before it. Each position of a history but
 * the newest is in one window.
 */
export function cutWindows(histories: Sequences, length: number, random: Random): Window[] {
  const windows: Window[] = [];
  for (let user = 0; user + 1 < histories.offsets.length; user++) {
    const positions = sequenceOf(histories, user).length - 1;
    const count = Math.ceil(positions / length);
    if (count < 1) continue;
    const rest = positions - (count - 1) * length;
    const restAt = random.integer(count);
    for (let i = 0, start = 0; i < count; i++) {
      const end = start + (i === restAt ? rest : length);
      windows.push({ user, start, end });
      start = end;
    }
  }
  return windows;
}

/**
 * Packs windows into `rows` rows of `length` positions, each into the fullest row that has room for it, long ones first
 * (best fit decreasing), so that next to nothing is spent on padding. Returns what each row holds, and the windows that
 * found no room; those that were `left` before come before all others.
 */
export function packWindows(
  windows: readonly Window[],
  rows: number,
  length: number,
  left: readonly Window[] = [],
): { readonly packed: Window[][]; readonly left: Window[] } {
  const packed: Window[][] = [];
  const withoutRoom: Window[] = [];
  const withRoom: number[][] = Array.from({ length: length + 1 }, () => []);
  for (const window of [...left, ...windows.toSorted((a, b) => sizeOf(b) - sizeOf(a))]) {
    const size = sizeOf(window);
    let room = size;
    while (room <= length && withRoom[room]?.length === 0) room++;
    if (room > length && packed.length === rows) {
      withoutRoom.push(window);
      continue;
    }
    const row = room > length ? packed.push([]) - 1 : (withRoom[room]?.pop() as number);
    packed[row]?.push(window);
    withRoom[Math.min(room, length) - size]?.push(row);
  }
  while (packed.length < rows) packed.push([]);
  return { packed, left: withoutRoom };
}

const sizeOf = ({ start, end }: Window) => end - start;

/** Positions to be learned from in an epoch: each item of a history but the first is the next one once. */
export function positionsOf({ offsets }: Sequences): number {
  let positions = 0;
  for (let user = 0; user + 1 < offsets.length; user++) {
    positions += Math.max(0, (offsets[user + 1] as number) - (offsets[user] as number) - 1);
  }
  return positions;
}
