/**
 * A replay of the loop, which makes all views again: `npm run bench -- replay [EVENTS [LIVE_SECONDS]]` (10 million, 20). First alone,
 * over accepted events that a simulated world makes: events a second, processor time and memory. Then, with the default
 * number of threads and at its default share, beside `millrace start` on a smaller world that takes 1,000 events a
 * second: how long an answer takes with the replay and without it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { TopicWriter } from '#engine';
import { openEmbeddedLog } from '#log';
import { createLogger, invariant, systemClock } from '#platform';
import { withItemFacts } from '#processors';
import { worldEvents } from '#simulator';
import { OUTCOME_WINDOW_MS, openTopics } from '#topologies';
import { percentile, printFigure } from './figure.ts';
import { runLoop } from './loop/run-loop.ts';
import { Product } from './product.ts';
import { benchWorld } from './world-log.ts';

const MAIN = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts');
const EVENTS_PER_SECOND_AIM = 40_000;
const RATIO_AIM = 2;
const CORES = 2;
const WRITTEN_AT_ONCE = 5_000;
const LOOKED_EVERY_MS = 200;
const TICKS_PER_SECOND = 100;

const LIVE_EVENTS_PER_SECOND = 1_000;
const POSTS_PER_SECOND = 20;
const CONNECTIONS = 4;
const USERS = 2_000;

export async function run(): Promise<void> {
  const [events = 10_000_000, liveSeconds = 20] = process.argv.slice(3).map(Number);
  if (events > 0) await inDirectory((directory) => benchAlone(directory, events));
  if (liveSeconds > 0) await inDirectory((directory) => benchBesideStart(directory, liveSeconds));
}

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    await work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function benchAlone(directory: string, events: number): Promise<void> {
  await writeAccepted(directory, events);
  const { ended } = replay(directory, ['--once', '--cpu', '1', '--set', `engine.threads=${CORES}`]);
  const { seconds, cpuSeconds, peakBytes } = await ended;
  const shared = { bench: 'replay', case: `all views from ${events} events, ${CORES} threads` } as const;
  const rate = { ...shared, metric: 'events_per_second', unit: 'events/s' } as const;
  printFigure({ ...rate, value: events / seconds, aim: EVENTS_PER_SECOND_AIM });
  printFigure({
    ...shared,
    metric: 'events_per_cpu_second',
    value: events / cpuSeconds,
    unit: 'events/cpu-s',
    aim: EVENTS_PER_SECOND_AIM / CORES,
  });
  printFigure({ ...shared, metric: 'bytes', value: peakBytes, unit: 'bytes' });
}

/** As admission has left them, with the facts of their items. */
async function writeAccepted(directory: string, events: number): Promise<void> {
  const logger = createLogger({ level: 'warn', name: 'bench' });
  const log = await openEmbeddedLog({ directory, clock: systemClock, logger });
  const topics = await openTopics(log, log.registry);
  // A live loop has run on a log that is replayed: what depends on arrival is read as that has recorded it.
  await runLoop(log, topics, directory);
  const world = benchWorld({ seed: 1, endsAt: Date.now() - OUTCOME_WINDOW_MS });
  const items = new Map(Array.from(world.items(), (item) => [item.item_id, item]));
  const enriched = withItemFacts({ count: () => {} });
  const accepted = await TopicWriter.open(log, topics['interactions-accepted']);
  let chunk: Parameters<typeof accepted.write>[0][number][] = [];
  for (const event of worldEvents(world, { events })) {
    const value = enriched(event, items.get(event.item_id ?? '') ?? null);
    chunk.push({ key: event.user_id, value, timestamp: event.ts });
    if (chunk.length < WRITTEN_AT_ONCE) continue;
    await accepted.write(chunk);
    chunk = [];
  }
  await accepted.write(chunk);
  await accepted.announce(world.endsAt + OUTCOME_WINDOW_MS);
  await accepted.close();
  await log.close();
}

type Took = { readonly seconds: number; readonly cpuSeconds: number; readonly peakBytes: number };

/** `ended` resolves when the process has; its time is that of the replay alone. */
function replay(directory: string, options: readonly string[]) {
  const args = ['replay', 'loop', '--into', 'bench', '--json', '--data', directory, ...options];
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let cpuSeconds = 0;
  let peakBytes = 0;
  const looking = setInterval(() => {
    const looked = lookAt(child.pid as number);
    cpuSeconds = looked?.cpuSeconds ?? cpuSeconds;
    peakBytes = looked?.peakBytes ?? peakBytes;
  }, LOOKED_EVERY_MS);
  let ms: number | undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    ms = (JSON.parse(line) as { readonly ms?: number }).ms ?? ms;
  });
  const ended = once(child, 'close').then((): Took => {
    clearInterval(looking);
    return { seconds: (ms ?? Number.NaN) / 1e3, cpuSeconds, peakBytes };
  });
  return { ended, stop: () => void child.kill('SIGINT') };
}

/** Processor time so far and the most memory held, of a process with all its threads (Linux). */
function lookAt(pid: number): { readonly cpuSeconds: number; readonly peakBytes: number } | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    if (kilobytes === undefined) return undefined;
    const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    return { cpuSeconds, peakBytes: Number(kilobytes) * 1024 };
  } catch {
    // It has ended.
    return undefined;
  }
}

async function benchBesideStart(directory: string, seconds: number): Promise<void> {
  const product = await Product.start(directory, { MILLRACE_SIMULATION_LIVE_EVENTS_PER_SECOND: '0' });
  try {
    const rest = await answersUnderLoad(product, seconds);
    const running = replay(directory, []);
    const beside = await answersUnderLoad(product, seconds);
    running.stop();
    await running.ended;
    const name = `GET /recommend, ${LIVE_EVENTS_PER_SECOND} events/s`;
    for (const [what, delays] of [
      ['alone', rest],
      ['beside a replay', beside],
    ] as const)
      for (const [metric, share] of [
        ['p50_ms', 0.5],
        ['p99_ms', 0.99],
      ] as const) {
        const value = percentile(delays, share);
        printFigure({ bench: 'replay', case: `${name}, ${what}`, metric, value, unit: 'ms' });
      }
    const value = percentile(beside, 0.99) / percentile(rest, 0.99);
    const ratio = { bench: 'replay', case: `${name}, p99 beside a replay to alone` } as const;
    printFigure({ ...ratio, metric: 'ratio', value, unit: '', aim: RATIO_AIM });
  } finally {
    await product.stop();
  }
}

/** How long each answer took, ms. */
async function answersUnderLoad(product: Product, seconds: number): Promise<readonly number[]> {
  const delays: number[] = [];
  const until = performance.now() + seconds * 1e3;
  let user = 0;
  const asking = async () => {
    while (performance.now() < until) {
      const sent = performance.now();
      await product.client.recommend(`u${(user++ % USERS) + 1}`);
      delays.push(performance.now() - sent);
    }
  };
  const posting = async () => {
    const each = LIVE_EVENTS_PER_SECOND / POSTS_PER_SECOND;
    for (let post = 0; performance.now() < until; post++) {
      const due = performance.now() + 1e3 / POSTS_PER_SECOND;
      await product.client.post(Array.from({ length: each }, (_, i) => clickOf(post * each + i)));
      await systemClock.sleep(Math.max(0, due - performance.now()));
    }
  };
  await Promise.all([posting(), ...Array.from({ length: CONNECTIONS }, asking)]);
  invariant(delays.length > 0, 'there were answers');
  return delays;
}

function clickOf(nth: number): object {
  const user_id = `u${(nth % USERS) + 1}`;
  return {
    event_id: `bench-${performance.now()}-${nth}`,
    user_id,
    item_id: `i${(nth % 100) + 1}`,
    kind: 'click',
  };
}
