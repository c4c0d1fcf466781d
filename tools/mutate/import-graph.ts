/** Which files of the repository load which, and so which tests can see a file at all. */
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { SourceFile } from '../check/repository.ts';
import { importsOf } from '../check/source.ts';

/** Modules of threads and processes are named, not imported. */
const named = /['"](\.{1,2}\/[^'"\n]+\.[jt]s)['"]/g;

export class ImportGraph {
  readonly #texts: ReadonlyMap<string, string>;
  readonly #imports: ReadonlyMap<string, readonly string[]>;
  readonly #importers = new Map<string, string[]>();

  /** `doors`: the names of package.json's `imports`. */
  constructor(files: readonly SourceFile[], doors: Readonly<Record<string, string>>) {
    this.#texts = new Map(files.map(({ path, text }) => [path, text]));
    this.#imports = new Map(files.map((file) => [file.path, this.#resolve(file, doors)]));
    for (const [path, imports] of this.#imports) {
      for (const each of imports) {
        const importers = this.#importers.get(each);
        if (importers === undefined) this.#importers.set(each, [path]);
        else importers.push(path);
      }
    }
  }

  /** Tests that load `path`, directly or not, those that are likeliest to notice first: of its own folder, room, near. */
  testsOf(path: string): readonly string[] {
    return [...reach(path, this.#importers)]
      .filter(([reached]) => reached.endsWith('.test.ts'))
      .map(([test, distance]) => ({ test, rank: kinship(test, path) * 1000 + distance }))
      .sort((a, b) => a.rank - b.rank || (a.test < b.test ? -1 : 1))
      .map(({ test }) => test);
  }

  /** Changes with the file and with everything that it loads. */
  contentHash(path: string): string {
    const hash = createHash('sha256');
    for (const each of [...reach(path, this.#imports).keys()].sort()) {
      hash.update(`${each}\0${this.#texts.get(each) ?? ''}\0`);
    }
    return hash.digest('hex').slice(0, 32);
  }

  #resolve(file: SourceFile, doors: Readonly<Record<string, string>>): readonly string[] {
    const specifiers = [
      ...importsOf(file).map(({ specifier }) => specifier),
      ...Array.from(file.text.matchAll(named), ([, specifier = '']) => specifier),
    ];
    const paths = specifiers.flatMap((specifier) => {
      if (specifier.startsWith('.')) return [posix.join(posix.dirname(file.path), specifier)];
      return doors[specifier] === undefined ? [] : [posix.normalize(doors[specifier])];
    });
    return [...new Set(paths)].filter((path) => this.#texts.has(path));
  }
}

/** Everything reachable from `start`, itself included, with the number of steps to it. */
function reach(start: string, next: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, number> {
  const distances = new Map([[start, 0]]);
  // A map's iterator also visits entries added during the iteration.
  for (const [path, distance] of distances) {
    for (const each of next.get(path) ?? []) if (!distances.has(each)) distances.set(each, distance + 1);
  }
  return distances;
}

/** 0: the file's own test, 1: of its folder, 2: of its folder of src/, 3: others. */
function kinship(test: string, path: string): number {
  if (test === path.replace(/\.ts$/, '.test.ts')) return 0;
  if (posix.dirname(test) === posix.dirname(path)) return 1;
  const room = path.split('/').slice(0, 3).join('/');
  return test.startsWith(`${room}/`) ? 2 : 3;
}
