/**
 * A responder under load: `npm run bench -- responder [ITEMS] [--ranker stacked|dlrm] [--redis]
 * [--keep PATH]`, which keeps the worlds for the next run under names that begin with the path. One core has the service, with
 * HTTP, the API keys of callers, the views, retrieval, a ranker over 200 candidates and the log of answers; another has the load. First what it can
 * do, with as many requests as connections on their way; then how long answers take at a steady rate. One JSON line a figure.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { invariant } from '#platform';
import { RedisServer } from '#servers';
import { type Figure, percentile, printFigure } from './figure.ts';
import { CORES, Service } from './responder/service.ts';
import { USERS, writeWorld } from './responder/world.ts';

const ITEMS = 100_000;
/** Ten candidates are ranked for one that is shown. */
const SHOWN = 20;
const CONNECTIONS = { most: 16, steady: 64 };
const WARM_UP_MS = 8_000;
const MEASURED_MS = 15_000;

type Aims = { readonly rate: number; readonly perCore: number; readonly p50?: number; readonly p99: number };
const aims: Readonly<Record<string, Aims>> = {
  stacked: { rate: 300, perCore: 800, p50: 3, p99: 12 },
  dlrm: { rate: 100, perCore: 200, p99: 20 },
};

export async function run(): Promise<void> {
  const given = process.argv.slice(3);
  const items = given.map(Number).find((count) => count > 0) ?? ITEMS;
  const named = given[given.indexOf('--ranker') + 1];
  const rankers = given.includes('--ranker') ? [named as string] : Object.keys(aims);
  const kept = given.includes('--keep') ? given[given.indexOf('--keep') + 1] : undefined;
  for (const ranker of rankers) {
    const directory = kept ? `${kept}-${ranker}-${items}` : await mkdtemp(join(tmpdir(), 'millrace-bench-'));
    const redis = given.includes('--redis')
      ? await RedisServer.start({ settings: { appendonly: 'no' } })
      : undefined;
    try {
      if (!existsSync(join(directory, 'log.sqlite'))) await writeWorld({ directory, items, ranker });
      const where = redis === undefined ? '' : ', rows on Redis';
      await bench(`${ranker}, ${items.toLocaleString('en-US')} items${where}`, directory, ranker, redis?.url);
    } finally {
      await redis?.stop();
      if (!kept) await rm(directory, { recursive: true });
    }
  }
}

async function bench(label: string, directory: string, ranker: string, redisUrl?: string): Promise<void> {
  const aim = aims[ranker];
  invariant(aim !== undefined, `there are aims for ${ranker}`);
  const service = await Service.start(directory, redisUrl);
  try {
    await load(service, { connections: CONNECTIONS.most, ms: WARM_UP_MS, rate: 0 });
    const most = await service.charged(() =>
      load(service, { connections: CONNECTIONS.most, ms: MEASURED_MS, rate: 0 }),
    );
    const figure = (name: string, rest: Omit<Figure, 'bench' | 'case'>) =>
      printFigure({ bench: 'responder', case: `${label}, ${name}`, ...rest });
    const perSecond = { metric: 'requests_per_second', unit: 'requests/s' } as const;
    figure('as many as it can', { ...perSecond, value: most.samples.length / most.seconds });
    figure('a core', { ...perSecond, value: most.samples.length / most.cpuSeconds, aim: aim.perCore });
    const cpuMs = (1e3 * most.cpuSeconds) / most.samples.length;
    figure('processor time of a request', { metric: 'ms', unit: 'ms', value: cpuMs });
    const steady = await service.charged(() =>
      load(service, { connections: CONNECTIONS.steady, ms: MEASURED_MS, rate: aim.rate }),
    );
    const at = `at ${aim.rate} requests/s`;
    const ms = (share: number) => ({ value: percentile(steady.samples, share), unit: 'ms' });
    figure(at, { metric: 'p50_ms', ...ms(0.5), ...(aim.p50 && { aim: aim.p50 }) });
    figure(at, { metric: 'p99_ms', ...ms(0.99), aim: aim.p99 });
    figure(`${at}, 999 of 1,000`, { metric: 'ms', ...ms(0.999) });
    figure('memory', { metric: 'bytes', value: steady.rss, unit: 'B' });
    for (const [stage, value] of stagesOf(steady.metrics))
      figure(`${at}, mean of stage ${stage}`, { metric: 'ms', value, unit: 'ms' });
    const failed = most.failed + steady.failed;
    invariant(failed === 0, `${failed} requests failed`);
  } finally {
    await service.stop();
  }
}

type Loaded = { readonly samples: number[]; readonly failed: number; readonly seconds: number };

async function load(
  { port, token = '' }: Pick<Service, 'port' | 'token'>,
  { connections, ms, rate }: { readonly connections: number; readonly ms: number; readonly rate: number },
): Promise<Loaded> {
  const script = join(import.meta.dirname, 'responder', 'load.ts');
  const parameters = [port, token, USERS, SHOWN, connections, ms, rate].map(String);
  const program = ['-c', CORES.load, process.execPath, script, ...parameters];
  const { stdout } = await promisify(execFile)('taskset', program, { maxBuffer: 2 ** 28 });
  return JSON.parse(stdout) as Loaded;
}

/** The means of histogram `recommend_stage_ms`, by stage. */
function stagesOf(metrics: string): (readonly [stage: string, ms: number])[] {
  const of = (what: string) =>
    new Map(
      Array.from(
        metrics.matchAll(
          new RegExp(`^millrace_recommend_stage_ms_${what}\\{[^}]*stage="([^"]+)"[^}]*\\} (.+)$`, 'gm'),
        ),
        ([, stage, value]) => [stage as string, Number(value)] as const,
      ),
    );
  const counts = of('count');
  return Array.from(of('sum'), ([stage, sum]) => [stage, sum / (counts.get(stage) ?? 1)] as const);
}
