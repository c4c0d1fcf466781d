/** Identifies the code that made a replay: a digest of everything that determines its rows. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { Runs } from '#processing';

/** Where the release lies, from its sources or built. */
const ROOT = join(import.meta.dirname, '../..');

/** The parts of a release that determine a topology's outputs. */
const DECIDING = ['schemas', 'features', 'processors', 'topologies', 'src/engine'];

const SOURCE = /(?<!\.test|\.d)\.[jt]s$/;
const RELATIVE_IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g;

/**
 * Returns the digest in hexadecimal. The loop's covers the release; a view's also covers the modules that declare views and
 * their relative imports; that of a user's own topology covers its module alone, which runs on any release's engine.
 */
export function codeOf(runs: Runs, viewModules: readonly string[], root: string = ROOT): string {
  const hash = createHash('sha256');
  const add = (name: string, path: string) =>
    hash.update(`${name}\0`).update(readFileSync(path)).update('\0');
  const isOwn = typeof runs === 'object' && 'module' in runs;
  if (!isOwn) for (const path of sourcesOf(root)) add(relative(root, path), path);
  const modules = isOwn ? [runs.module] : runs === 'loop' ? [] : viewModules;
  for (const module of modules) {
    const path = resolve(module);
    for (const file of withImports(path)) add(relative(dirname(path), file), file);
  }
  return hash.digest('hex').slice(0, 16);
}

function sourcesOf(root: string): readonly string[] {
  return DECIDING.flatMap((directory) => {
    const files = readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' });
    return files
      .filter((file) => SOURCE.test(file) && !/(^|[\\/])testing[\\/]/.test(file))
      .sort()
      .map((file) => join(root, directory, file));
  });
}

/** A file and those that it imports by relative paths, and these in turn. */
function withImports(entry: string): readonly string[] {
  const found = new Set<string>();
  const visit = (path: string) => {
    if (found.has(path) || !existsSync(path)) return;
    found.add(path);
    for (const [, specifier = ''] of readFileSync(path, 'utf8').matchAll(RELATIVE_IMPORT))
      visit(resolve(dirname(path), specifier));
  };
  visit(entry);
  return [...found].sort();
}
