/**
 * The vector index: time of a query at a recall of .95 and .99 of the 100 best, by inner product on one thread, building and
 * memory; then files, shards, filters and changes. `npm run bench -- index [PART...] [--items N,...] [--dim D]
 * [--vectors KIND,...] [--queries N] [--seconds S] [--peer [--peers NAME;...] [--build-limit S]] [--keep DIRECTORY]`. Parts: search, files,
 * shards, filters, churn, pauses. With --peer also faiss (IVF-Flat, also in our lists, HNSW), hnswlib and usearch, or those named, of the Python
 * that the environment's PYTHON names (`pip install -r bench/index/requirements.txt`). What `search` has found of each system is kept
 * with --keep, and found there by the next run.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildIvf, FlatIndex, seededRandom } from '#models';
import { printFigure, printMissing } from './figure.ts';
import { CHURNED, churnLatency, churnRecalls } from './index/churn.ts';
import { fileTimes } from './index/files.ts';
import { type Filtered, filtered, truthOf } from './index/filters.ts';
import { KeptShape, OWN, SAME_LISTS } from './index/kept.ts';
import { rebuildPauses } from './index/pauses.ts';
import { shardedAndWhole } from './index/shards.ts';
import { K, type Took } from './index/system.ts';
import { halves, KINDS, type Kind, type Vectors, vectorsOf } from './index/vectors.ts';

const BENCH = 'index';
const TARGETS = [0.95, 0.99];
const SEED = 1;
/** Seeds of the builds that are compared. */
const SEEDS = [1, 2, 3, 4];
const PEERS = ['faiss IVF', SAME_LISTS, 'faiss HNSW', 'hnswlib', 'usearch'] as const;

type Shape = {
  readonly kind: Kind;
  readonly items: number;
  readonly dim: number;
  readonly queries: number;
  /** How long each measurement of changes takes. */
  readonly seconds: number;
};

type Searched = {
  readonly systems: readonly string[];
  /** Seconds. */
  readonly buildLimit: string;
  /** A directory. */
  readonly keep: string | undefined;
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
      'build-limit': { type: 'string', default: '300' },
      keep: { type: 'string' },
    },
  });
  const parts =
    positionals.length > 0 ? positionals : ['search', 'files', 'shards', 'filters', 'churn', 'pauses'];
  for (const items of values.items.split(',').map(Number)) {
    for (const kind of values.vectors.split(',') as Kind[]) {
      const [dim, queries, seconds] = [values.dim, values.queries, values.seconds].map(Number) as [
        number,
        number,
        number,
      ];
      const shape = { kind, items, dim, queries, seconds };
      const systems = [OWN, ...(values.peer ? values.peers.split(';') : [])];
      await measure(shape, parts, { systems, buildLimit: values['build-limit'], keep: values.keep });
    }
  }
}

async function measure(shape: Shape, parts: readonly string[], searched: Searched): Promise<void> {
  const { kind, items, dim, queries } = shape;
  const name = `${items.toLocaleString('en-US')} x ${dim}, ${kind}`;
  const vectors = await vectorsOf(kind, items, dim, queries);
  if (vectors === undefined) return printMissing({ bench: BENCH, case: name }, 'MovieLens 1M is not there');
  if (parts.includes('search')) await search(name, vectors, searched);
  if (parts.includes('files')) await files(name, vectors);
  if (parts.includes('shards')) shards(name, vectors);
  if (parts.includes('filters')) await filters(name, shape);
  if (parts.includes('churn')) await churn(name, shape);
  if (parts.includes('pauses')) await pauses(name, vectors);
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

/** The vectors that come are of the distribution of those that go, and queries of that of those that builds are calibrated on. */
async function churn(
  name: string,
  { kind, items: count, dim, queries: asked, seconds }: Shape,
): Promise<void> {
  const drawn = await vectorsOf(kind, Math.ceil(count * (1 + CHURNED)), dim, 2 * asked);
  if (drawn === undefined) return;
  const [known, queries] = halves(drawn.queries, dim);
  const [items, fresh] = [drawn.items.subarray(0, count * dim), drawn.items.subarray(count * dim)];
  const index = buildIvf(items, dim, { target: TARGETS[0] as number, queries: known });
  const { rest, changing } = churnLatency(index, items, queries, seconds, seededRandom(SEED));
  for (const [when, latency] of Object.entries({ 'at rest': rest, 'while changing': changing })) {
    const { p50Ms, p99Ms, searchingP99Ms, updatesPerSecond } = latency;
    print(`${name}, ${when}`, 'p50_ms', p50Ms, 'ms');
    print(`${name}, ${when}`, 'p99_ms', p99Ms, 'ms');
    print(`${name}, ${when}, without waiting`, 'p99_ms', searchingP99Ms, 'ms');
    print(`${name}, ${when}, updates`, 'requests_per_second', updatesPerSecond, 'updates/s');
  }
  print(`${name}, while changing to at rest, p99`, 'ratio', changing.p99Ms / rest.p99Ms, 'ratio');
  for (const [i, recalls] of churnRecalls(items, fresh, { dim, known, queries }, SEEDS).entries()) {
    const label = `${name}, seed ${SEEDS[i]}`;
    print(`${label}, before changes`, 'recall@100', recalls.before, 'share');
    print(`${label}, a fifth changed`, 'recall@100', recalls.churned, 'share');
    print(`${label}, built anew`, 'recall@100', recalls.rebuilt, 'share');
    print(`${label}, built anew, as many lists`, 'recall@100', recalls.alike, 'share');
  }
}

async function pauses(name: string, { items, queries, dim }: Vectors): Promise<void> {
  const { rest, rebuilding } = await rebuildPauses(items, queries, dim);
  for (const [when, found] of Object.entries({ 'at rest': rest, 'around a rebuild': rebuilding })) {
    const label = `${name}, turns ${when}`;
    print(label, 'turns', found.turns, 'turns');
    print(`${label}, p99.9`, 'ms', found.p999Ms, 'ms');
    print(`${label}, longest`, 'ms', found.longestMs, 'ms');
    print(`${label}, longest by the clock`, 'ms', found.longestByTheClockMs, 'ms');
    print(`${label}, over 5 ms by the collector`, 'turns', found.overByCollector, 'turns');
    print(`${label}, over 5 ms by others of ours`, 'turns', found.overByOthers, 'turns');
    print(`${label}, over 5 ms by the system`, 'turns', found.overBySystem, 'turns');
  }
}

/** Each system is a process of its own, one after another. */
async function search(
  name: string,
  vectors: Vectors,
  { systems, buildLimit, keep }: Searched,
): Promise<void> {
  const root = keep ?? mkdtempSync(join(tmpdir(), 'millrace-index-'));
  try {
    const kept = new KeptShape(root, name, vectors);
    const parameters = [kept.directory, String(vectors.dim)];
    let own: Took | undefined;
    for (const system of systems) {
      const script = join(import.meta.dirname, 'index', system === OWN ? 'own.ts' : 'peer.py');
      const found = await kept.took(system, () =>
        system === OWN
          ? took(process.execPath, ['--expose-gc', script, ...parameters, TARGETS.join()])
          : took(process.env.PYTHON ?? 'python3', [
              ...[script, system, ...parameters, String(K)],
              ...[TARGETS.join(), buildLimit],
            ]),
      );
      printSystem(name, system === OWN ? '' : `, ${system}`, found, own);
      own ??= found;
    }
  } finally {
    if (keep === undefined) rmSync(root, { recursive: true });
  }
}

function took(program: string, parameters: readonly string[]): Took {
  const env = { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' };
  return JSON.parse(execFileSync(program, parameters, { encoding: 'utf8', env, maxBuffer: 1 << 28 })) as Took;
}

function printSystem(name: string, system: string, found: Took, own?: Took): void {
  const show = (part: string, metric: Metric, value: number, unit: string) =>
    print(`${name}${system}${part}`, metric, value, unit);
  show(', building', 'seconds', found.buildSeconds, 's');
  if (own !== undefined) show(', building, to ours', 'ratio', found.buildSeconds / own.buildSeconds, 'ratio');
  if (found.builtShare < 1) {
    const share = (found.builtShare * 100).toFixed();
    const reason = `its build was given up when it had added ${share}%`;
    printMissing({ bench: BENCH, case: `${name}${system}` }, reason);
    return;
  }
  show(', memory', 'bytes', found.memoryBytes, 'bytes');
  for (const target of TARGETS) {
    const part = `, at ${target}`;
    const reached = found.targets.find((each) => each.target === target);
    if (reached === undefined) {
      printMissing({ bench: BENCH, case: `${name}${system}${part}` }, 'no setting reaches it');
      continue;
    }
    show(part, 'recall@100', reached.recall, 'share');
    show(`${part}, setting`, 'setting', reached.setting, 'reach, nprobe or ef');
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
