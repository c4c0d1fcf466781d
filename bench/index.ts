/**
 * The vector index: time of a query at a recall of .95 and .99 of the 100 best, by inner product on one thread, building and
 * memory; then files, shards, filters and changes. `npm run bench -- index [PART...] [--items N,...] [--dim D]
 * [--vectors KIND,...] [--queries N] [--seconds S] [--peer [--peers NAME;...]]`. Parts: search, files, shards, filters,
 * churn. With --peer also faiss (IVF-Flat, also in our lists, HNSW), hnswlib and usearch, or those named, of the Python that the environment's
 * PYTHON names (`pip install -r bench/index/requirements.txt`).
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildIvf, FlatIndex, seededRandom } from '#models';
import { printFigure, printMissing } from './figure.ts';
import { CHURNED, churnLatency, churnRecall } from './index/churn.ts';
import { fileTimes } from './index/files.ts';
import { type Filtered, filtered, truthOf } from './index/filters.ts';
import { shardedAndWhole } from './index/shards.ts';
import { K, type Took } from './index/system.ts';
import { halves, KINDS, type Kind, type Vectors, vectorsOf } from './index/vectors.ts';

const BENCH = 'index';
const TARGETS = [0.95, 0.99];
const SEED = 1;
const PEERS = ['faiss IVF', 'faiss, our lists', 'faiss HNSW', 'hnswlib', 'usearch'] as const;

type Shape = {
  readonly kind: Kind;
  readonly items: number;
  readonly dim: number;
  readonly queries: number;
  /** How long each measurement of changes takes. */
  readonly seconds: number;
};

export async function run(): Promise<void> {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(3),
    allowPositionals: true,
    options: {
      items: { type: 'string', default: '10000,100000' },
      dim: { type: 'string', default: '64' },
      vectors: { type: 'string', default: KINDS.join() },
      queries: { type: 'string', default: '500' },
      seconds: { type: 'string', default: '5' },
      peer: { type: 'boolean', default: false },
      peers: { type: 'string', default: PEERS.join(';') },
    },
  });
  const parts = positionals.length > 0 ? positionals : ['search', 'files', 'shards', 'filters', 'churn'];
  for (const items of values.items.split(',').map(Number)) {
    for (const kind of values.vectors.split(',') as Kind[]) {
      const [dim, queries, seconds] = [values.dim, values.queries, values.seconds].map(Number) as [
        number,
        number,
        number,
      ];
      const shape = { kind, items, dim, queries, seconds };
      await measure(shape, parts, values.peer ? values.peers.split(';') : []);
    }
  }
}

async function measure(shape: Shape, parts: readonly string[], peers: readonly string[]): Promise<void> {
  const { kind, items, dim, queries } = shape;
  const name = `${items.toLocaleString('en-US')} x ${dim}, ${kind}`;
  const vectors = await vectorsOf(kind, items, dim, queries);
  if (vectors === undefined) return printMissing({ bench: BENCH, case: name }, 'MovieLens 1M is not there');
  if (parts.includes('search')) search(name, vectors, peers);
  if (parts.includes('files')) await files(name, vectors);
  if (parts.includes('shards')) shards(name, vectors);
  if (parts.includes('filters')) await filters(name, shape);
  if (parts.includes('churn')) await churn(name, shape);
}

async function files(name: string, { items, dim }: Vectors): Promise<void> {
  const taken = await fileTimes(buildIvf(items, dim).toParts());
  for (const [work, seconds] of Object.entries(taken)) print(`${name}, ${work}`, 'seconds', seconds, 's');
}

function shards(name: string, { items, dim, queries }: Vectors): void {
  const truth = truthOf(FlatIndex.build(items, dim), queries);
  const found = shardedAndWhole(items, { dim, queries, truth });
  for (const [what, { recall, p50Ms }] of Object.entries(found)) {
    print(`${name}, ${what}`, 'recall@100', recall, 'share');
    print(`${name}, ${what}`, 'p50_ms', p50Ms, 'ms');
  }
}

/** Calibrated on queries of the same distribution as those asked. */
async function filters(name: string, { kind, items: count, dim, queries: asked }: Shape): Promise<void> {
  const drawn = await vectorsOf(kind, count, dim, 2 * asked);
  if (drawn === undefined) return;
  const { items } = drawn;
  const [known, queries] = halves(drawn.queries, dim);
  const index = buildIvf(items, dim, { queries: known });
  const exact = FlatIndex.build(items, dim);
  const [open, ...rest] = filtered(index, exact, { dim, queries }, seededRandom(SEED));
  for (const each of [open as Filtered, ...rest]) {
    const label = `${name}, ${each.share * 100}% excluded`;
    print(label, 'recall@100', each.recall, 'share');
    print(label, 'p50_ms', each.p50Ms, 'ms');
    if (each !== open) print(`${label}, to none`, 'ratio', each.p50Ms / (open as Filtered).p50Ms, 'ratio');
  }
}

/** The vectors that come are of the distribution of those that go. */
async function churn(
  name: string,
  { kind, items: count, dim, queries: asked, seconds }: Shape,
): Promise<void> {
  const drawn = await vectorsOf(kind, Math.ceil(count * (1 + CHURNED)), dim, asked);
  if (drawn === undefined) return;
  const { queries } = drawn;
  const [items, fresh] = [drawn.items.subarray(0, count * dim), drawn.items.subarray(count * dim)];
  const index = buildIvf(items, dim, { target: TARGETS[0] as number });
  const { rest, changing } = churnLatency(index, items, queries, seconds, seededRandom(SEED));
  for (const [when, latency] of Object.entries({ 'at rest': rest, 'while changing': changing })) {
    const { p50Ms, p99Ms, searchingP99Ms, updatesPerSecond } = latency;
    print(`${name}, ${when}`, 'p50_ms', p50Ms, 'ms');
    print(`${name}, ${when}`, 'p99_ms', p99Ms, 'ms');
    print(`${name}, ${when}, without waiting`, 'p99_ms', searchingP99Ms, 'ms');
    print(`${name}, ${when}, updates`, 'requests_per_second', updatesPerSecond, 'updates/s');
  }
  print(`${name}, while changing to at rest, p99`, 'ratio', changing.p99Ms / rest.p99Ms, 'ratio');
  const { before, churned, rebuilt } = churnRecall(items, fresh, dim, queries);
  for (const [when, recall] of Object.entries({
    'before changes': before,
    'a fifth changed': churned,
    'built anew': rebuilt,
  })) {
    print(`${name}, ${when}`, 'recall@100', recall, 'share');
  }
}

/** Each system is a process of its own, one after another. */
function search(name: string, vectors: Vectors, peers: readonly string[]): void {
  const { dim } = vectors;
  const work = mkdtempSync(join(tmpdir(), 'millrace-index-'));
  try {
    writeFileSync(join(work, 'vectors'), vectors.items);
    writeFileSync(join(work, 'queries'), vectors.queries);
    writeFileSync(join(work, 'truth'), truthOf(FlatIndex.build(vectors.items, dim), vectors.queries));
    const script = join(import.meta.dirname, 'index/own.ts');
    const own = took(process.execPath, ['--expose-gc', script, work, String(dim), TARGETS.join()]);
    printSystem(name, '', own);
    for (const system of peers) {
      const peerScript = join(import.meta.dirname, 'index/peer.py');
      const parameters = [peerScript, system, work, String(dim), String(K), TARGETS.join()];
      printSystem(name, `, ${system}`, took(process.env.PYTHON ?? 'python3', parameters), own);
    }
  } finally {
    rmSync(work, { recursive: true });
  }
}

function took(program: string, parameters: readonly string[]): Took {
  const env = { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' };
  return JSON.parse(execFileSync(program, parameters, { encoding: 'utf8', env, maxBuffer: 1 << 28 })) as Took;
}

function printSystem(name: string, system: string, found: Took, own?: Took): void {
  const show = (part: string, metric: Metric, value: number, unit: string) =>
    print(`${name}${system}${part}`, metric, value, unit);
  show('', 'load', loadavg()[0] as number, 'processes');
  show(', building', 'seconds', found.buildSeconds, 's');
  show(', memory', 'bytes', found.memoryBytes, 'bytes');
  for (const target of TARGETS) {
    const part = `, at ${target}`;
    const reached = found.targets.find((each) => each.target === target);
    if (reached === undefined) {
      printMissing({ bench: BENCH, case: `${name}${system}${part}` }, 'no setting reaches it');
      continue;
    }
    show(part, 'recall@100', reached.recall, 'share');
    show(`${part}, setting`, 'setting', reached.setting, 'nprobe or ef');
    show(part, 'p50_ms', reached.p50Ms, 'ms');
    show(part, 'p99_ms', reached.p99Ms, 'ms');
    show(part, 'requests_per_second', reached.perSecond, 'queries/s');
    const ours = own?.targets.find((each) => each.target === target);
    if (ours !== undefined) show(`${part}, ours to it`, 'ratio', ours.p50Ms / reached.p50Ms, 'ratio');
  }
}

function print(label: string, metric: Metric, value: number, unit: string): void {
  printFigure({ bench: BENCH, case: label, metric, value, unit });
}

type Metric = Parameters<typeof printFigure>[0]['metric'];
