/**
 * The memory of a responder under full load: `npm run bench -- memory [MINUTES]` (10). Five times the requests that it can answer
 * come all the time over 256 connections, and what it holds is noted every ten seconds. Fails where it holds a tenth more in the
 * last third of the time than in the second: the first is for what fills up. One JSON line a figure.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { invariant } from '#platform';
import { percentile, printFigure } from './figure.ts';
import { CORES, Service } from './responder/service.ts';
import { USERS, writeWorld } from './responder/world.ts';

const ITEMS = 20_000;
const SHOWN = 10;
const CONNECTIONS = 256;
/** Some times what a core answers; on a quicker machine still more than it answers. */
const RATE = 2_000;
const NOTED_EVERY_S = 10;
const DEADLINE_MS = 100;
const MOST_GROWTH = 1.1;

export async function run(): Promise<void> {
  const minutes =
    process.argv
      .slice(3)
      .map(Number)
      .find((count) => count > 0) ?? 10;
  const kept = process.env.MILLRACE_BENCH_WORLD;
  const directory = kept ? `${kept}-stacked-${ITEMS}` : await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  try {
    if (!existsSync(join(directory, 'log.sqlite')))
      await writeWorld({ directory, items: ITEMS, ranker: 'stacked' });
    await bench(directory, minutes);
  } finally {
    if (!kept) await rm(directory, { recursive: true });
  }
}

async function bench(directory: string, minutes: number): Promise<void> {
  const service = await Service.start(directory, '', DEADLINE_MS, true);
  try {
    const held: number[] = [];
    while (held.length < (minutes * 60) / NOTED_EVERY_S) {
      const { rss } = await service.charged(async () => ({ done: await load(service.port) }));
      held.push(rss);
    }
    const third = Math.floor(held.length / 3);
    const [filled, last] = [held.slice(third, 2 * third), held.slice(2 * third)].map((part) =>
      percentile(part, 0.5),
    );
    invariant(filled !== undefined && last !== undefined, 'there are two thirds');
    const figure = (name: string, value: number) =>
      printFigure({ bench: 'memory', case: `${minutes} min, ${name}`, metric: 'bytes', value, unit: 'B' });
    figure('first', held[0] as number);
    figure('median of the second third', filled);
    figure('median of the last third', last);
    printFigure({
      ...{ bench: 'memory', case: `${minutes} min, growth`, metric: 'ratio', value: last / filled, unit: '' },
      aim: MOST_GROWTH,
    });
    invariant(last <= MOST_GROWTH * filled, 'memory grows under load');
  } finally {
    await service.stop();
  }
}

async function load(port: number): Promise<void> {
  const script = join(import.meta.dirname, 'overload', 'load.ts');
  const parameters = [port, USERS, SHOWN, CONNECTIONS, 1e3 * NOTED_EVERY_S, RATE].map(String);
  await promisify(execFile)('taskset', ['-c', CORES.load, process.execPath, script, ...parameters], {
    maxBuffer: 2 ** 28,
  });
}
