import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { isForTests } from '../check/repository.ts';

/** Rooms and parts of them; those that are marked run on servers (MILLRACE_SERVERS=1). */
export const ROOMS: readonly string[] = [
  'engine/task',
  'engine/store',
  'engine/topology',
  'engine/operators',
  'log/embedded',
  'log/kafka',
  'features',
  'processors',
  'offline',
  'models/graph',
  'trainer',
  'responders',
  'gateway',
];

/** Files of a room, or of a folder or file below src/, that the product runs, from the root; undefined where there is none. */
export function sourcesOf(root: string, room: string): readonly string[] | undefined {
  const path = [posix.join('src', room), room].find((each) => existsSync(join(root, each)));
  if (path === undefined || path.includes('..')) return undefined;
  if (statSync(join(root, path)).isFile()) return isSource(path) ? [path] : undefined;
  return readdirSync(join(root, path), { recursive: true, encoding: 'utf8' })
    .map((below) => posix.join(path, below))
    .filter(isSource)
    .sort();
}

function isSource(path: string): boolean {
  return path.endsWith('.ts') && !isForTests(path) && !/\/(generated|fixtures)\//.test(path);
}
