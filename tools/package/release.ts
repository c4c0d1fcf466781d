/**
 * Builds what `npm pack` ships: `dist`, with JavaScript and types in the layout of the sources. Node strips types nowhere
 * below node_modules, so the sources themselves would not run there. `dist/package.json` points the doors of the
 * repository's `imports` (#engine, ...) at the built files; which of them are public says `exports`.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { doorsAmong } from '../check/modules.ts';

export const DIST = 'dist';

type Manifest = {
  readonly version: string;
  readonly imports: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string>>;
};

/** A file's URL, as worker threads are started by: tsc rewrites the specifiers of imports alone. */
const fileUrl = /(?<=new URL\(')(\.{1,2}\/[^']+)\.ts(?=', import\.meta\.url\))/g;
/** In declarations tsc leaves specifiers as they are. */
const specifier = /(?<=(?:from |import\(|import )(['"]))(\.{1,2}\/[^'"]+?)(?:\.d)?\.ts(?=\1)/g;
/** What is left in code that names a source. */
const sourceName = /(?<=['"`])\.{1,2}\/[^'"`\n]*\.ts(?=['"`])/;

const forTests = new Set(['testing', 'fixtures', 'node_modules']);

/** Errors: where a source does not compile, or a file that is started or exported was not built. */
export function buildRelease(root: string): void {
  const dist = join(root, DIST);
  rmSync(dist, { recursive: true, force: true });
  const compiler = join(root, 'node_modules/.bin/tsc');
  execFileSync(compiler, ['-p', 'tsconfig.release.json'], { cwd: root, stdio: 'inherit' });
  for (const file of filesBelow(dist)) rewrite(file);
  for (const folder of readdirSync(dist)) copyAssets(join(root, folder), join(dist, folder));
  const { version, imports, exports } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  ) as Manifest;
  const doors = builtDoors(dist, imports);
  const description = { type: 'module', version, imports: doors };
  writeFileSync(join(dist, 'package.json'), `${JSON.stringify(description, null, 2)}\n`);
  requireDoors(dist, exports, doors);
}

function rewrite(file: string): void {
  const text = readFileSync(file, 'utf8');
  if (file.endsWith('.d.ts')) {
    writeFileSync(file, text.replace(specifier, '$2.js'));
    return;
  }
  const started = text.replace(fileUrl, (_, path: string) => {
    if (existsSync(join(dirname(file), `${path}.js`))) return `${path}.js`;
    throw new Error(`${file} starts ${path}.ts, which was not built`);
  });
  const left = sourceName.exec(started);
  if (left !== null) throw new Error(`${file} names the source ${left[0]}`);
  if (started !== text) writeFileSync(file, started);
}

/** Schemas and whatever else the code reads beside itself. */
function copyAssets(sources: string, built: string): void {
  cpSync(sources, built, {
    recursive: true,
    filter: (path) => {
      const parts = relative(sources, path).split('/');
      return !parts.some((part) => forTests.has(part)) && !path.endsWith('.ts');
    },
  });
}

/** The doors that were built, and the names of many of them; the others are for tests. */
function builtDoors(dist: string, imports: Manifest['imports']): Record<string, string> {
  const built = Object.entries(imports).map(
    ([name, source]) => [name, source.replace(/\.ts$/, '.js')] as const,
  );
  return Object.fromEntries(built.filter(([, path]) => path.includes('*') || existsSync(join(dist, path))));
}

function requireDoors(
  dist: string,
  exports: Manifest['exports'],
  doors: Readonly<Record<string, string>>,
): void {
  const built = filesBelow(dist).map((path) => relative(dist, path).split(sep).join('/'));
  const targets = new Set(
    [...doorsAmong(built, doors).values()].map((path) => `./${posix.join(DIST, path)}`),
  );
  for (const [name, target] of Object.entries(exports)) {
    if (name === './package.json' || targets.has(target)) continue;
    throw new Error(`package.json exports ${name} as ${target}, which is no door of its imports`);
  }
}

function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
