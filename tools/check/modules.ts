/** Which files of the repository import which. */
import { posix } from 'node:path';
import { type Repository, ROOT_ROOMS, type SourceFile } from './repository.ts';
import { type Import, importsOf } from './source.ts';

/** The files that package.json's `imports` open, by their names. */
export function doorsOf(repository: Repository): ReadonlyMap<string, string> {
  const { imports = {} } = JSON.parse(repository.text('package.json') ?? '{}') as {
    imports?: Record<string, string>;
  };
  return new Map(Object.entries(imports).map(([name, path]) => [name, posix.normalize(path)]));
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
