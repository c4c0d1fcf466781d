/**
 * The whole loop: how many events a second the processors take on one core, how fast answers are, and how long a new user
 * waits for the first one. The product runs as its users run it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { percentile, printFigure } from './figure.ts';
import { Product } from './product.ts';
import { onOneCore, writeWorld } from './world-log.ts';

const EVENTS = 100_000;
const CONNECTIONS = 8;
const LOAD_MS = 10_000;

export async function run(): Promise<void> {
  await benchProcessing();
  await benchProduct();
}

async function benchProcessing(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    await writeWorld(directory, EVENTS);
    const { seconds, cpuSeconds } = onOneCore(join(import.meta.dirname, 'loop', 'processing.ts'), directory);
    const shared = {
      bench: 'loop',
      case: 'admission to examples, one core',
      unit: 'events/s',
      aim: 15_000,
    } as const;
    printFigure({ ...shared, metric: 'events_per_second', value: EVENTS / seconds });
    printFigure({
      ...shared,
      unit: 'events/cpu-s',
      metric: 'records_per_cpu_second',
      value: EVENTS / cpuSeconds,
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** `millrace start` in a directory of its own, without live agents. */
async function benchProduct(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const start = performance.now();
  const product = await Product.start(directory, { MILLRACE_SIMULATION_LIVE_EVENTS_PER_SECOND: '0' });
  try {
    const value = (performance.now() - start) / 1e3;
    const shared = { bench: 'loop', case: 'start to first answer', unit: 's', aim: 60 } as const;
    printFigure({ ...shared, metric: 'seconds', value });
    await benchAnswers(product);
  } finally {
    await product.stop();
    rmSync(directory, { recursive: true });
  }
}

async function benchAnswers(product: Product): Promise<void> {
  const delays: number[] = [];
  const until = performance.now() + LOAD_MS;
  const cpuBefore = product.cpuSeconds;
  let user = 0;
  const connection = async () => {
    while (performance.now() < until) {
      const sent = performance.now();
      await product.client.recommend(`u${(user++ % 2_000) + 1}`);
      delays.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  const cpu = product.cpuSeconds - cpuBefore;
  const name = `GET /recommend, k=10, ${CONNECTIONS} connections`;
  printFigure({ bench: 'loop', case: name, metric: 'p50_ms', value: percentile(delays, 0.5), unit: 'ms' });
  printFigure({ bench: 'loop', case: name, metric: 'p99_ms', value: percentile(delays, 0.99), unit: 'ms' });
  const perCore = {
    bench: 'loop',
    case: `${name}, a core of the server`,
    metric: 'requests_per_second',
  } as const;
  printFigure({ ...perCore, value: delays.length / cpu, unit: 'requests/s' });
}
