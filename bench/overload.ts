/**
 * A responder under five times the load that it can take: `npm run bench -- overload [SECONDS] [--ranker stacked|dlrm]`. First
 * its capacity, with as many requests as connections on their way; then requests come at five times that rate, whatever it
 * does, over more and more connections. Goodput are answers of status 200 within the deadline. One JSON line a figure.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Figure, percentile, printFigure } from './figure.ts';
import { CORES, Service } from './responder/service.ts';
import { USERS, writeWorld } from './responder/world.ts';

const ITEMS = 20_000;
const SHOWN = 10;
/** As many at a time as are never refused, for the capacity. */
const CONNECTIONS = { most: 8, open: [128, 256, 1_000] };
const WARM_UP_MS = 8_000;
const SECONDS = 20;
const TIMES = 5;
const DEADLINE_MS = 100;

export async function run(): Promise<void> {
  const given = process.argv.slice(3);
  const seconds = given.map(Number).find((count) => count > 0) ?? SECONDS;
  const ranker = given.includes('--ranker') ? (given[given.indexOf('--ranker') + 1] as string) : 'stacked';
  const kept = process.env.MILLRACE_BENCH_WORLD;
  const directory = kept ? `${kept}-${ranker}-${ITEMS}` : await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  try {
    if (!existsSync(join(directory, 'log.sqlite'))) await writeWorld({ directory, items: ITEMS, ranker });
    await bench(ranker, directory, seconds * 1e3);
  } finally {
    if (!kept) await rm(directory, { recursive: true });
  }
}

async function bench(ranker: string, directory: string, ms: number): Promise<void> {
  const service = await Service.start(directory, '', DEADLINE_MS, true);
  const figure = (rest: Omit<Figure, 'bench'>) =>
    printFigure({ bench: 'overload', ...rest, case: `${ranker}, ${rest.case}` });
  try {
    await load(service.port, { connections: CONNECTIONS.most, ms: WARM_UP_MS, rate: 0 });
    const capacityNow = () =>
      service.charged(() => load(service.port, { connections: CONNECTIONS.most, ms, rate: 0 }));
    let before = await capacityNow();
    const { rss } = before;
    for (const connections of CONNECTIONS.open) {
      const rate = TIMES * goodputOf(before);
      const over = await load(service.port, { connections, ms, rate });
      const after = await capacityNow();
      // A machine that is shared has more at one time than at another.
      const capacity = (goodputOf(before) + goodputOf(after)) / 2;
      for (const each of figuresOf(over, capacity)) {
        figure({ ...each, case: `${TIMES} times its load on ${connections} connections, ${each.case}` });
      }
      before = after;
    }
    figure({ case: 'memory before', metric: 'bytes', value: rss, unit: 'B' });
    figure({ case: 'memory after', metric: 'bytes', value: before.rss, unit: 'B' });
  } finally {
    await service.stop();
  }
}

function figuresOf(over: Loaded, capacity: number): readonly Omit<Figure, 'bench'>[] {
  const { samples, refused, others, unsent, degraded, seconds } = over;
  const other = Object.values(others).reduce((sum, count) => sum + count, 0);
  const a = (name: string, count: number): Omit<Figure, 'bench'> => {
    return { case: name, metric: 'requests_per_second', value: count / seconds, unit: 'requests/s' };
  };
  return [
    a('capacity before and after', capacity * seconds),
    a('sent', samples.length + refused + other),
    a('not sent for want of a connection', unsent),
    a('goodput', goodputOf(over) * seconds),
    { case: 'goodput to capacity', metric: 'ratio', value: goodputOf(over) / capacity, unit: '', aim: 0.8 },
    { case: 'accepted', metric: 'p50_ms', value: percentile(samples, 0.5), unit: 'ms' },
    { case: 'accepted', metric: 'p99_ms', value: percentile(samples, 0.99), unit: 'ms', aim: DEADLINE_MS },
    { case: 'degraded of accepted', metric: 'ratio', value: degraded / samples.length, unit: '' },
    ...Object.entries(others).map(([status, count]) => a(`answered with ${status}`, count)),
  ];
}

type Loaded = {
  /** Ms of the answers of status 200. */
  readonly samples: readonly number[];
  readonly refused: number;
  readonly degraded: number;
  /** By status. */
  readonly others: Readonly<Record<string, number>>;
  readonly unsent: number;
  readonly seconds: number;
};

function goodputOf({ samples, seconds }: Loaded): number {
  return samples.filter((ms) => ms <= DEADLINE_MS).length / seconds;
}

async function load(
  port: number,
  { connections, ms, rate }: { readonly connections: number; readonly ms: number; readonly rate: number },
): Promise<Loaded> {
  const script = join(import.meta.dirname, 'overload', 'load.ts');
  const parameters = [port, USERS, SHOWN, connections, ms, rate].map(String);
  const program = ['-c', CORES.load, process.execPath, script, ...parameters];
  const { stdout } = await promisify(execFile)('taskset', program, { maxBuffer: 2 ** 28 });
  return JSON.parse(stdout) as Loaded;
}
