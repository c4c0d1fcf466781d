import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Metric } from '../port.ts';

const python = process.env.PYTHON ?? 'python3';
const found = spawnSync(python, ['-c', 'import faiss'], { encoding: 'utf8' });
/** Why a test against FAISS is skipped; false where it can run. */
export const skipWithoutFaiss =
  found.status !== 0 &&
  `${python} has no package faiss: pip install -r models/index/testing/requirements.txt`;

export type FaissCase = {
  readonly name: string;
  readonly dim: number;
  readonly metric: Metric;
  /** 0 for a flat index. Their centroids are the first vectors. */
  readonly lists: number;
  readonly nprobe: number;
  /** Vectors at the beginning that are centroids only. */
  readonly skip?: number;
  /** Those of the vectors that are not skipped; null for 0, 1, 2... */
  readonly ids: readonly number[] | null;
  readonly directMap: 'array' | 'hashtable' | null;
  readonly k: number;
  readonly vectors: Float32Array;
  readonly queries: Float32Array;
};

export type FaissFound = Readonly<
  Record<
    string,
    { readonly kind: string; readonly size: number; readonly ids: readonly (readonly number[])[] }
  >
>;

/** Indexes that FAISS makes of the cases, as files, and what it finds in them. */
export function writtenByFaiss(
  cases: readonly FaissCase[],
): Promise<{ readonly files: ReadonlyMap<string, Uint8Array>; readonly found: FaissFound }> {
  return withCases(cases, async (run, directory) => {
    for (const { name, vectors } of cases) await writeFile(join(directory, `${name}.vectors`), vectors);
    const foundIn = run('write');
    const files = new Map<string, Uint8Array>();
    for (const { name } of cases) files.set(name, await readFile(join(directory, `${name}.faiss`)));
    return { files, found: foundIn };
  });
}

/** What FAISS finds in files that others wrote. */
export function searchedByFaiss(
  cases: readonly FaissCase[],
  files: ReadonlyMap<string, Uint8Array>,
): Promise<FaissFound> {
  return withCases(cases, async (run, directory) => {
    for (const [name, bytes] of files) await writeFile(join(directory, `${name}.faiss`), bytes);
    return run('search');
  });
}

async function withCases<T>(
  cases: readonly FaissCase[],
  use: (run: (task: 'write' | 'search') => FaissFound, directory: string) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-faiss-'));
  try {
    const path = join(directory, 'cases.json');
    await writeFile(path, JSON.stringify(cases.map(({ vectors: _, queries: __, ...rest }) => rest)));
    for (const { name, queries } of cases) await writeFile(join(directory, `${name}.queries`), queries);
    const script = join(import.meta.dirname, 'faiss_exchange.py');
    return await use((task) => {
      const { status, stdout, stderr } = spawnSync(python, [script, task, path, directory], {
        encoding: 'utf8',
      });
      assert.equal(status, 0, stderr);
      return JSON.parse(stdout) as FaissFound;
    }, directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}
