/** Which files of the repository import which. */
import { posix } from 'node:path';
import { type Repository, ROOT_ROOMS, type SourceFile } from './repository.ts';
import { type Import, importsOf } from './source.ts';

export function doorsOf(repository: Repository): ReadonlyMap<string, string> {
  const { imports = {} } = JSON.parse(repository.text('package.json') ?? '{}') as {
    imports?: Record<string, string>;
  };
  return doorsAmong(
    repository.files.map(({ path }) => path),
    imports,
  );
}

/**
 * The files that package.json's `imports` open, by their names. One name with `*` opens all rooms of `src/`: Node reads the
 * list again for each import of a process, and a name for each room made that a tenth of what a command takes to start.
 */
export function doorsAmong(
  paths: readonly string[],
  imports: Readonly<Record<string, string>>,
): ReadonlyMap<string, string> {
  // Among matching names Node prefers one without `*`, then the longest.
  const isPattern = (name: string) => name.includes('*');
  const byRank = Object.entries(imports).sort(
    ([a], [b]) => Number(isPattern(b)) - Number(isPattern(a)) || a.length - b.length,
  );
  return new Map(
    byRank.flatMap(([name, target]): (readonly [string, string])[] => {
      const path = posix.normalize(target);
      if (!isPattern(name)) return [[name, path]];
      const [start = '', end = ''] = path.split('*');
      return paths
        .filter((each) => each.startsWith(start) && each.endsWith(end))
        .map((each) => [name.replace('*', each.slice(start.length, -end.length)), each]);
    }),
  );
}

/** The room of a file; undefined outside of all. */
export function roomOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? ROOT_ROOMS.find((room) => path.startsWith(`${room}/`));
}

export type Arrow = Import & { readonly to: string };

/** The files of the repository that a file imports. */
export function arrowsOf(file: SourceFile, doors: ReadonlyMap<string, string>): readonly Arrow[] {
  return importsOf(file).flatMap((each) => {
    const to = targetOf(file.path, each.specifier, doors);
    return to === undefined ? [] : [{ ...each, to }];
  });
}

/** What a specifier stands for; undefined for packages. */
export function targetOf(
  from: string,
  specifier: string,
  doors: ReadonlyMap<string, string>,
): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : doors.get(specifier);
}
