/**
 * One case of the engine's benchmark in a process of its own: `node case.ts NAME DIRECTORY`, where the directory holds
 * the log that input.ts wrote. Prints a Measurement.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deadLetterTopic, rocksDatabases, StreamsRuntime, type Topic, TopologyBuilder } from '#engine';
import { type Log, openEmbeddedLog } from '#engine/log';
import { createLogger, createMetrics, systemClock } from '#platform';
import { cases, type Inputs, inputTopics } from './cases.ts';
import { Events, userId } from './events.ts';
import { write } from './input.ts';

export type Measurement = {
  /** From the first record to the last commit. */
  readonly whole: Span;
  /** The second half of it, when the compiler has done its work. */
  readonly warm: Span;
  readonly peakMegabytes: number;
};
export type Span = { readonly records: number; readonly seconds: number; readonly cpuSeconds: number };
type Instant = Span;

const MANY_USERS = 10_000_000;
const MANY_CACHED = MANY_USERS / 20;
const EVENTS_ON_DISK = 2_000_000;

/** Counts the records of a topic as they are decoded, and notes when the first was. */
class Meter {
  records = 0;
  first: Instant | undefined;

  reset(): void {
    this.records = 0;
    this.first = undefined;
  }

  now(): Instant {
    const { user, system } = process.cpuUsage();
    return {
      records: this.records,
      seconds: performance.now() / 1e3,
      cpuSeconds: (user + system) / 1e6,
    };
  }

  of<V>(topic: Topic<string, V>): Topic<string, V> {
    const decode = (bytes: Buffer) => {
      this.first ??= this.now();
      this.records++;
      return topic.value.decode(bytes);
    };
    return { ...topic, value: { ...topic.value, decode } };
  }
}

const between = (from: Instant, to: Instant): Span => ({
  records: to.records - from.records,
  seconds: to.seconds - from.seconds,
  cpuSeconds: to.cpuSeconds - from.cpuSeconds,
});

async function measure(name: string, directory: string): Promise<Measurement> {
  const declare = cases[name];
  if (declare === undefined) throw new Error(`there is no case ${name}`);
  const logger = createLogger({ level: 'warn', name: 'bench' });
  const log = await openEmbeddedLog({ directory, clock: systemClock, logger });
  const meter = new Meter();
  const inputs = await inputTopics(log.registry);
  const deadLetters = await deadLetterTopic(log.registry);
  const builder = new TopologyBuilder({ name: name.toLowerCase(), generation: 1 });
  const output = await declare(builder, { ...inputs, views: meter.of(inputs.views) }, log.registry);
  await log.createTopics([deadLetters, output]);
  const runtime = new StreamsRuntime({
    log,
    topology: builder.build(),
    databases: rocksDatabases(join(directory, 'state')),
    clock: systemClock,
    logger,
    metrics: createMetrics(),
    deadLetters,
    instanceId: 'bench',
    ...(name === 'T5' && { cacheEntries: MANY_CACHED / output.partitions }),
  });
  await runtime.start();
  if (name === 'T5') {
    await writeManyUsers(log, inputs);
    await runToEnd(runtime);
    meter.reset();
    await writeEvenly(log, inputs, EVENTS_ON_DISK);
  }
  const total = name === 'T5' ? EVENTS_ON_DISK : await countOf(log, inputs.views.name);
  let half: Instant | undefined;
  await runToEnd(runtime, () => {
    if (meter.records >= total / 2) half ??= meter.now();
  });
  const end = meter.now();
  await runtime.close();
  await log.close();
  const first = meter.first ?? end;
  return {
    whole: between(first, end),
    warm: between(half ?? first, end),
    peakMegabytes: peakMegabytes(),
  };
}

async function runToEnd(runtime: StreamsRuntime, onRound = () => {}): Promise<void> {
  do {
    await runtime.runOnce(100);
    onRound();
  } while (!runtime.isCaughtUp);
}

async function countOf(log: Log, topic: string): Promise<number> {
  const [description] = await log.describeTopics([topic]);
  return description?.offsets.reduce((sum, { end }) => sum + end, 0) ?? 0;
}

/** One view of each of many users. */
async function writeManyUsers(log: Log, { views }: Inputs): Promise<void> {
  const source = new Events();
  const base = systemClock.now() - 2 * MANY_USERS;
  await write(log, views, MANY_USERS, (i) => {
    return { key: userId(i), value: source.view(base + i), timestamp: base + i };
  });
}

/** Views of users drawn evenly from many. */
async function writeEvenly(log: Log, { views }: Inputs, events: number): Promise<void> {
  const source = new Events();
  const base = systemClock.now() - events;
  await write(log, views, events, (i) => {
    return { key: userId(source.below(MANY_USERS)), value: source.view(base + i), timestamp: base + i };
  });
}

/** The most memory that this process has held (Linux). */
function peakMegabytes(): number {
  const [, kilobytes = 'NaN'] = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

const [name = '', directory = ''] = process.argv.slice(2);
process.stdout.write(`${JSON.stringify(await measure(name, directory))}\n`);
