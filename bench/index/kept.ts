/** What a shape of the benchmark needs and has found, in a directory: another run goes on where one was interrupted. */
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FlatIndex } from '#models';
import { replaceDurably } from '#platform';
import { truthOf } from './filters.ts';
import type { Took } from './system.ts';
import type { Vectors } from './vectors.ts';

const repository = join(import.meta.dirname, '../..');

/** Identifies the code that a figure depends on: changed code is measured again. */
function stateOf(patterns: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of patterns.flatMap((pattern) => globSync(pattern, { cwd: repository })).sort())
    if (!file.endsWith('.test.ts')) hash.update(readFileSync(join(repository, file)));
  return hash.digest('hex').slice(0, 12);
}

export const OWN = 'Millrace';
/** FAISS in the lists that Millrace has made: it is to find the same. */
export const SAME_LISTS = 'faiss, our lists';

const VECTORS = ['bench/index/vectors.ts'];
const OWN_CODE = ['bench/index/{own,own-index,system}.ts', 'models/top-k.ts', 'models/index/**/*.ts'];
const PEERS_CODE = ['bench/index/peer.py', 'bench/index/requirements.txt'];

function codeOf(system: string): readonly string[] {
  if (system === OWN) return [...VECTORS, ...OWN_CODE];
  return [...VECTORS, ...PEERS_CODE, ...(system === SAME_LISTS ? OWN_CODE : [])];
}

export class KeptShape {
  readonly directory: string;

  /** Writes vectors, queries and the true results, if they are not there. */
  constructor(root: string, name: string, vectors: Vectors) {
    const { items, queries, dim } = vectors;
    this.directory = join(root, `${name}, ${queries.length / dim} queries`.replaceAll(/[^\w]+/g, '-'));
    mkdirSync(this.directory, { recursive: true });
    const made = join(this.directory, `made-${stateOf(VECTORS)}`);
    if (existsSync(made)) return;
    writeFileSync(join(this.directory, 'vectors'), items);
    writeFileSync(join(this.directory, 'queries'), queries);
    writeFileSync(join(this.directory, 'truth'), truthOf(FlatIndex.build(items, dim), queries));
    writeFileSync(made, '');
  }

  /** What was found of a system before, else what `measure` finds. */
  async took(system: string, measure: () => Took): Promise<Took> {
    const state = stateOf(codeOf(system));
    const path = join(this.directory, `${system.replaceAll(/[^\w]+/g, '-')}-${state}.json`);
    if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Took;
    const found = measure();
    await replaceDurably(path, Buffer.from(JSON.stringify(found)));
    return found;
  }
}
