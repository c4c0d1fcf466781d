/** What a test has run, as V8 reports it in the folder NODE_V8_COVERAGE: a file for each process and thread. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

type Range = { readonly startOffset: number; readonly endOffset: number; readonly count: number };
type Report = {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly Range[] }[];
  }[];
};

/** For each file, by its path from the root, the executed ranges of characters: start, end, start, end, ... */
export type Coverage = Readonly<Record<string, readonly number[]>>;

export function readCoverage(folder: string, root: string): Coverage {
  const ran = new Map<string, Uint8Array>();
  for (const name of readdirSync(folder)) {
    const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Report;
    for (const { url, functions } of result) {
      if (!url.startsWith('file:')) continue;
      const path = relative(root, fileURLToPath(url));
      if (path.startsWith('..') || path.includes('node_modules')) continue;
      const ranges = functions.flatMap(({ ranges }) => ranges);
      ran.set(path, either(ran.get(path), paint(ranges)));
    }
  }
  return Object.fromEntries([...ran].map(([path, characters]) => [path, intervals(characters)]));
}

export function hasRun(coverage: Coverage, path: string, at: number): boolean {
  const bounds = coverage[path] ?? [];
  return bounds.findLastIndex((bound) => bound <= at) % 2 === 0;
}

/** Inner ranges count for more than those around them. */
function paint(ranges: readonly Range[]): Uint8Array {
  const characters = new Uint8Array(Math.max(0, ...ranges.map(({ endOffset }) => endOffset)));
  const length = ({ startOffset, endOffset }: Range) => endOffset - startOffset;
  for (const { startOffset, endOffset, count } of ranges.toSorted((a, b) => length(b) - length(a))) {
    characters.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  }
  return characters;
}

function either(a: Uint8Array | undefined, b: Uint8Array): Uint8Array {
  if (a === undefined) return b;
  const [longer, shorter] = a.length > b.length ? [a, b] : [b, a];
  return longer.map((value, index) => value | (shorter[index] ?? 0));
}

function intervals(characters: Uint8Array): readonly number[] {
  const bounds: number[] = [];
  characters.forEach((value, index) => {
    if (value !== (characters[index - 1] ?? 0)) bounds.push(index);
  });
  return bounds.length % 2 === 0 ? bounds : [...bounds, characters.length];
}
