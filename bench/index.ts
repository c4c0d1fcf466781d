/**
 * The vector index: time of a query at a recall of .95 and .99 of the 100 best, by inner product on one thread, building and
 * memory; then filters and changes. `npm run bench -- index [PART...] [--items N,...] [--dim D] [--vectors KIND,...]
 * [--queries N] [--peer]`. Parts: search, files, filters, churn. With --peer also faiss (IVF-Flat, HNSW), hnswlib and usearch, of the
 * Python that the environment's PYTHON names (`pip install -r bench/index/requirements.txt`).
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FlatIndex, flatParts } from '#models';
import { printFigure, printMissing } from './figure.ts';
import { fileTimes } from './index/files.ts';
import { K, type Took } from './index/system.ts';
import { KINDS, type Kind, type Vectors, vectorsOf } from './index/vectors.ts';

const BENCH = 'index';
const TARGETS = [0.95, 0.99];
const PEERS = ['faiss IVF', 'faiss HNSW', 'hnswlib', 'usearch'] as const;

type Shape = { readonly kind: Kind; readonly items: number; readonly dim: number; readonly queries: number };

export async function run(): Promise<void> {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(3),
    allowPositionals: true,
    options: {
      items: { type: 'string', default: '10000,100000' },
      dim: { type: 'string', default: '64' },
      vectors: { type: 'string', default: KINDS.join() },
      queries: { type: 'string', default: '500' },
      peer: { type: 'boolean', default: false },
    },
  });
  const parts = positionals.length > 0 ? positionals : ['search', 'files', 'filters', 'churn'];
  for (const items of values.items.split(',').map(Number)) {
    for (const kind of values.vectors.split(',') as Kind[]) {
      const shape = { kind, items, dim: Number(values.dim), queries: Number(values.queries) };
      await measure(shape, parts, values.peer);
    }
  }
}

async function measure(shape: Shape, parts: readonly string[], peer: boolean): Promise<void> {
  const { kind, items, dim, queries } = shape;
  const name = `${items.toLocaleString('en-US')} x ${dim}, ${kind}`;
  const vectors = await vectorsOf(kind, items, dim, queries);
  if (vectors === undefined) return printMissing({ bench: BENCH, case: name }, 'MovieLens 1M is not there');
  if (parts.includes('search')) search(name, vectors, peer);
  if (parts.includes('files')) {
    const taken = await fileTimes(flatParts(vectors.items, dim));
    for (const [work, seconds] of Object.entries(taken)) {
      printFigure({ bench: BENCH, case: `${name}, ${work}`, metric: 'seconds', value: seconds, unit: 's' });
    }
  }
}

/** Each system is a process of its own, one after another. */
function search(name: string, vectors: Vectors, peer: boolean): void {
  const work = mkdtempSync(join(tmpdir(), 'millrace-index-'));
  try {
    writeFileSync(join(work, 'vectors'), vectors.items);
    writeFileSync(join(work, 'queries'), vectors.queries);
    writeFileSync(join(work, 'truth'), truthOf(vectors));
    const { dim } = vectors;
    const script = join(import.meta.dirname, 'index/own.ts');
    const own = took(process.execPath, [script, work, String(dim), TARGETS.join()]);
    printSystem(name, '', own);
    for (const system of peer ? PEERS : []) {
      const peerScript = join(import.meta.dirname, 'index/peer.py');
      const parameters = [peerScript, system, work, String(dim), String(K), TARGETS.join()];
      printSystem(name, `, ${system}`, took(process.env.PYTHON ?? 'python3', parameters), own);
    }
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** By exact search, equal scores by id. */
function truthOf({ items, dim, queries }: Vectors): Int32Array {
  const exact = FlatIndex.build(items, dim);
  const truth = new Int32Array((queries.length / dim) * K);
  for (let i = 0; i * dim < queries.length; i++) {
    truth.set(exact.search(queries.subarray(i * dim, (i + 1) * dim), K).ids, i * K);
  }
  return truth;
}

function took(program: string, parameters: readonly string[]): Took {
  const env = { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' };
  return JSON.parse(execFileSync(program, parameters, { encoding: 'utf8', env, maxBuffer: 1 << 28 })) as Took;
}

function printSystem(name: string, system: string, found: Took, own?: Took): void {
  const print = (part: string, metric: Metric, value: number, unit: string) =>
    printFigure({ bench: BENCH, case: `${name}${system}${part}`, metric, value, unit });
  print('', 'load', loadavg()[0] as number, 'processes');
  print(', building', 'seconds', found.buildSeconds, 's');
  print(', memory', 'bytes', found.memoryBytes, 'bytes');
  for (const target of TARGETS) {
    const part = `, at ${target}`;
    const reached = found.targets.find((each) => each.target === target);
    if (reached === undefined) {
      printMissing({ bench: BENCH, case: `${name}${system}${part}` }, 'no setting reaches it');
      continue;
    }
    print(part, 'recall@100', reached.recall, 'share');
    print(`${part}, setting`, 'setting', reached.setting, 'nprobe or ef');
    print(part, 'p50_ms', reached.p50Ms, 'ms');
    print(part, 'p99_ms', reached.p99Ms, 'ms');
    print(part, 'requests_per_second', reached.perSecond, 'queries/s');
    const ours = own?.targets.find((each) => each.target === target);
    if (ours !== undefined) print(`${part}, ours to it`, 'ratio', ours.p50Ms / reached.p50Ms, 'ratio');
  }
}

type Metric = Parameters<typeof printFigure>[0]['metric'];
