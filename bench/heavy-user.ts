/**
 * One user with 100,000 events in a day beside 1,000 others with ten each: what an event of the heavy one costs as they grow,
 * in processor time and in bytes of the log, and how long the others wait. Events are appended one by one at a steady rate;
 * the loop's processors run beside that in the same process, with commits of 100 ms, and the log is cleaned every minute
 * as the services do.
 */

import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StreamsRuntime, TopicReader, TopicWriter } from '#engine';
import { type EmbeddedLog, openEmbeddedLog } from '#log';
import { createLogger, systemClock } from '#platform';
import type { Interaction } from '#schemas';
import { loopTopology, openTopics, type Topics } from '#topologies';
import { percentile, printFigure } from './figure.ts';
import { runtimeOptions } from './runtime-options.ts';

const HEAVY_EVENTS = 100_000;
const OTHERS = 1_000;
const OTHERS_EVENTS = 10_000;
const ITEMS = 2_000;
const EVENTS_PER_SECOND = 800;
const TICK_MS = 20;
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);
const COMMIT_MS = 100;
const PARTS = 10;
const CLEANING_MS = 60_000;
const FILE = 'log.sqlite';

export async function run(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const logger = createLogger({ level: 'warn', name: 'bench' });
  const log = await openEmbeddedLog({ directory, clock: systemClock, logger });
  const topics = await openTopics(log, log.registry);
  const topology = await loopTopology(topics, log.registry, {
    admission: { latenessMs: 10_000, dedupHorizonMs: DAY_MS, futureMs: 300_000, count: () => {} },
    gate: { minimumLift: 1 },
  });
  const runtime = new StreamsRuntime({
    ...runtimeOptions({ log, topology, deadLetters: topics['dead-letters'] }, join(directory, 'state')),
    commitIntervalMs: COMMIT_MS,
  });
  await runtime.start();
  const stop = new AbortController();
  const running = runtime.run(stop.signal);
  const cleaning = new AbortController();
  const cleaned = cleanEveryMinute(log, cleaning.signal);
  const waits = new Waits();
  const following = waits.follow(log, topics, stop.signal);
  try {
    const before = usedBytes(directory);
    const total = HEAVY_EVENTS + OTHERS_EVENTS;
    await Promise.race([feed(log, topics, waits), running]);
    const grown = () => (usedBytes(directory) - before) / total;
    const shared = { bench: 'heavy-user', metric: 'bytes', unit: 'bytes an event' } as const;
    printFigure({ ...shared, case: 'on disk, as the last events came', value: grown() });
    // A pass that is under way would have this one skipped.
    cleaning.abort();
    await cleaned;
    await log.clean();
    printFigure({ ...shared, case: 'on disk, after cleaning', value: grown(), aim: 1_000 });
    printFigure({ ...shared, case: 'size of the file', value: statSync(join(directory, FILE)).size / total });
  } finally {
    cleaning.abort();
    stop.abort();
    await Promise.all([running, following, cleaned]);
    await log.close();
    rmSync(directory, { recursive: true });
  }
}

async function cleanEveryMinute(log: EmbeddedLog, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await systemClock.sleep(CLEANING_MS, signal).catch(() => {});
    if (!signal.aborted) await log.clean();
  }
}

/** What the log fills of its file: what it has freed it uses again. */
function usedBytes(directory: string): number {
  const database = new DatabaseSync(join(directory, FILE), { readOnly: true });
  const pragma = (name: string) => Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
  const bytes = (pragma('page_count') - pragma('freelist_count')) * pragma('page_size');
  database.close();
  return bytes;
}

/** Appends the events at their rate, and prints the figures of the first and the last tenth. */
async function feed(log: EmbeddedLog, topics: Topics, waits: Waits): Promise<void> {
  const writer = await TopicWriter.open(log, topics.interactions);
  const total = HEAVY_EVENTS + OTHERS_EVENTS;
  const every = total / OTHERS_EVENTS;
  const started = performance.now();
  let part = await Part.begin(log);
  for (let i = 0, n = 0; i < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - started) / 1e3) * EVENTS_PER_SECOND));
    const appends: Promise<unknown>[] = [];
    for (; i < due; i++) {
      const isOther = i % every === 0;
      const user = isOther ? `other ${(i / every) % OTHERS}` : 'heavy';
      const event = view(`event ${i}`, user, START_MS + Math.floor((i * DAY_MS) / total));
      if (isOther) waits.sent(event.event_id);
      appends.push(writer.write([{ key: user, value: event, timestamp: event.ts }]));
    }
    await Promise.all(appends);
    const tenth = Math.floor((i * PARTS) / total);
    if (tenth > n) {
      await waits.quiet();
      if (n === 0 || tenth === PARTS)
        await part.print(tenth === PARTS ? 'last tenth' : 'first tenth', total / PARTS);
      part = await Part.begin(log);
      n = tenth;
    }
    await systemClock.sleep(TICK_MS);
  }
  const shared = { bench: 'heavy-user', case: "others' events, append to accepted", unit: 'ms' } as const;
  printFigure({ ...shared, metric: 'p50_ms', value: percentile(waits.ms, 0.5) });
  printFigure({ ...shared, metric: 'p99_ms', value: percentile(waits.ms, 0.99) });
  printFigure({ ...shared, metric: 'ms', value: Math.max(...waits.ms), aim: 2_000 });
  await writer.close();
}

function view(event_id: string, user_id: string, ts: number): Interaction {
  const item_id = `item ${(Number(event_id.slice(6)) * 7_919) % ITEMS}`;
  const rest = {
    value: null,
    watch_ms: 1_000,
    session_id: null,
    request_id: null,
    original_ts: null,
    item: null,
  };
  return {
    event_id,
    user_id,
    item_id,
    kind: 'view',
    ts,
    context: { device: 'tv', country: null, language: null },
    ...rest,
  };
}

/** How long the others' events take until they are accepted. */
class Waits {
  readonly ms: number[] = [];
  readonly #sent = new Map<string, number>();

  sent(eventId: string): void {
    this.#sent.set(eventId, performance.now());
  }

  /** Resolves when none is on its way. */
  async quiet(): Promise<void> {
    while (this.#sent.size > 0) await systemClock.sleep(TICK_MS);
  }

  async follow(log: EmbeddedLog, topics: Topics, signal: AbortSignal): Promise<void> {
    const reader = await TopicReader.open(log, topics['interactions-accepted'], { from: 'start' });
    while (!signal.aborted) {
      for (const { value } of await reader.poll(TICK_MS)) {
        const sent = this.#sent.get(value?.event_id ?? '');
        if (sent === undefined) continue;
        this.ms.push(performance.now() - sent);
        this.#sent.delete(value?.event_id ?? '');
      }
    }
    await reader.close();
  }
}

/** The processor time and the bytes of values and keys that a tenth of the events has cost, by group of topics. */
class Part {
  readonly #log: EmbeddedLog;
  readonly #ends: ReadonlyMap<string, readonly number[]>;
  readonly #cpu = process.cpuUsage();

  private constructor(log: EmbeddedLog, ends: ReadonlyMap<string, readonly number[]>) {
    this.#log = log;
    this.#ends = ends;
  }

  static async begin(log: EmbeddedLog): Promise<Part> {
    const described = await log.describeTopics();
    return new Part(
      log,
      new Map(described.map(({ name, offsets }) => [name, offsets.map(({ stable }) => stable)])),
    );
  }

  async print(name: string, events: number): Promise<void> {
    const { user, system } = process.cpuUsage(this.#cpu);
    const bytes = await this.#bytes();
    const shared = { bench: 'heavy-user', case: name } as const;
    printFigure({ ...shared, metric: 'ms', value: (user + system) / 1e3 / events, unit: 'CPU-ms an event' });
    for (const [group, count] of bytes)
      printFigure({
        ...shared,
        case: `${name}, ${group}`,
        metric: 'bytes',
        value: count / events,
        unit: 'bytes an event',
      });
  }

  async #bytes(): Promise<ReadonlyMap<string, number>> {
    const groups = new Map<string, number>();
    for (const { name, offsets } of await this.#log.describeTopics()) {
      for (const [partition, { stable }] of offsets.entries()) {
        const from = this.#ends.get(name)?.[partition] ?? 0;
        const bytes = await bytesOf(this.#log, { topic: name, partition, from, to: stable });
        for (const group of ['all topics', groupOf(name)])
          groups.set(group, (groups.get(group) ?? 0) + bytes);
      }
    }
    return groups;
  }
}

function groupOf(topic: string): string {
  if (/^loop-\d+-admission-/.test(topic)) return "admission's memory of ids";
  if (/^loop-\d+-outcomes-/.test(topic)) return 'state of outcomes';
  return /features/.test(topic) ? 'feature views' : 'events, examples and what is on its way';
}

async function bytesOf(
  log: EmbeddedLog,
  { topic, partition, from, to }: { topic: string; partition: number; from: number; to: number },
): Promise<number> {
  if (from >= to) return 0;
  const consumer = await log.consumer();
  consumer.assign([{ topic, partition, offset: from }]);
  let bytes = 0;
  while ((consumer.position({ topic, partition }) ?? 0) < to) {
    for (const batch of await consumer.poll(TICK_MS)) {
      for (let i = 0; i < batch.count; i++)
        bytes += (batch.key(i)?.length ?? 0) + (batch.value(i)?.length ?? 0);
    }
  }
  await consumer.close();
  return bytes;
}
