import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type SourceFile = { readonly path: string; readonly text: string };

/** What the house rules look at: files by path from the root, separated by `/`. */
export interface Repository {
  /** TypeScript and JavaScript, and Markdown. */
  readonly files: readonly SourceFile[];
  text(path: string): string | undefined;
  exists(path: string): boolean;
}

export type Finding = {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly rule: string;
  readonly message: string;
};

export type Rule = (repository: Repository) => readonly Finding[];

/** Rooms of what a team that runs Millrace edits; the machinery's stand in src/. */
export const ROOT_ROOMS = ['schemas', 'features', 'processors', 'topologies', 'models'] as const;

const folders = ['src', ...ROOT_ROOMS, 'tools', 'bench', 'examples', 'bin', 'types', 'docs'];
const kinds = /\.(ts|js|md)$/;

export function readRepository(root: string): Repository {
  const below = folders.flatMap((folder) =>
    existsSync(join(root, folder))
      ? readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(
          (path) => `${folder}/${path}`,
        )
      : [],
  );
  const atRoot = readdirSync(root).filter((path) => path.endsWith('.md'));
  const files = [...atRoot, ...below.sort()]
    .filter((path) => kinds.test(path))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
  return {
    files,
    text: (path) => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined),
    exists: (path) => existsSync(join(root, path)),
  };
}

/** A repository of the files given, for the tests of the rules. */
export function repositoryOf(texts: Readonly<Record<string, string>>): Repository {
  const paths = Object.keys(texts);
  return {
    files: paths.filter((path) => kinds.test(path)).map((path) => ({ path, text: texts[path] ?? '' })),
    text: (path) => texts[path],
    exists: (path) => paths.some((each) => each === path || each.startsWith(`${path}/`)),
  };
}

/** The line, from 1, that holds character `index` of `text`. */
export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

/** A file that only tests use. */
export function isForTests(path: string): boolean {
  return path.endsWith('.test.ts') || /\/testing\//.test(path) || /contract[^/]*\.ts$/.test(path);
}
