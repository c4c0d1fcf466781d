/** Which files of the quick suite share a process: those of one room, as they import the same. */
import { dirname } from 'node:path';

/** So many start-ups are saved; more would leave a core without work at the end of the run. */
const MAX_FILES = 12;

export function joinFiles(files: readonly string[]): readonly (readonly string[])[] {
  const byRoom = Map.groupBy(files, roomOf);
  return [...byRoom.values()].flatMap(chunksOf).sort((a, b) => b.length - a.length);
}

function roomOf(file: string): string {
  return dirname(file).split('/').slice(0, 2).join('/');
}

function chunksOf(files: readonly string[]): readonly (readonly string[])[] {
  const count = Math.ceil(files.length / MAX_FILES);
  const size = Math.ceil(files.length / count);
  return Array.from({ length: count }, (_, i) => files.slice(i * size, (i + 1) * size));
}
