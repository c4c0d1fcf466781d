/**
 * How soon after it was appended an event's output can be read, by a reader that sees only what is committed:
 * `npm run bench -- latency [COMMIT_MS...] [--kafka [--peer]]`. One process appends and reads, another processes (T1, exactly
 * once). The log is embedded, on disk, each commit made durable; or it is Kafka, on a broker of this benchmark's own, where
 * Kafka Streams can be measured beside it.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedLog } from '#log';
import { systemClock } from '#platform';
import { RedisServer } from '#servers';
import { avroSerdes, inputTopics, topicOf } from './engine/cases.ts';
import { percentile, printFigure, printMissing } from './figure.ts';
import { NO_END, Peer } from './kafka/peer.ts';
import { peerSerdes } from './kafka/peer-serdes.ts';
import { openLogOnKafka } from './kafka/subject.ts';
import { latencies } from './latency/load.ts';
import { latenciesToRedis } from './latency/to-redis.ts';

const LOAD = { eventsPerSecond: 2_000, warmUpMs: 4_000, measuredMs: 15_000 };
/** The compiler of a new broker takes half of the machine for that long. */
const KAFKA_LOAD = { ...LOAD, warmUpMs: 30_000 };
const AIM_COMMIT_MS = 20;
const EMBEDDED_AIM_MS = 30;
const KAFKA_AIM_MS = 40;
const PORT = 29_292;

export async function run(): Promise<void> {
  const given = process.argv.slice(3);
  const chosen = given.filter((each) => !each.startsWith('--')).map(Number);
  const commits = chosen.length === 0 ? [AIM_COMMIT_MS, 100] : chosen;
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  try {
    if (given.includes('--kafka')) await onKafka(directory, commits, given.includes('--peer'));
    else for (const commitMs of commits) await onEmbedded(join(directory, String(commitMs)), commitMs);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function onEmbedded(directory: string, commitMs: number): Promise<void> {
  const log = await openEmbeddedLog({ directory, clock: systemClock });
  const serdes = await avroSerdes(log.registry);
  const { views } = inputTopics(serdes);
  const totals = topicOf('totals', serdes.totals);
  await log.createTopics([views, totals]);
  const stop = await processing('latency/processor.ts', directory, 'T1', String(commitMs));
  const waits = await latencies(log, views, totals, LOAD);
  await stop();
  await log.close();
  print(`append to visible, commits of ${commitMs} ms`, waits, commitMs, EMBEDDED_AIM_MS);
}

async function onKafka(directory: string, commits: readonly number[], withPeer: boolean): Promise<void> {
  const peer = new Peer(join(directory, 'peer'), PORT);
  await peer.startBroker();
  const redis = await RedisServer.start();
  try {
    for (const commitMs of commits) {
      const instance = `latency-${commitMs}`;
      const log = await openLogOnKafka(peer.brokers);
      const { views } = inputTopics(peerSerdes, `${instance}-views`);
      const totals = topicOf(`${instance}-totals`, peerSerdes.totals);
      await log.createTopics([views, totals]);
      const state = join(directory, instance);
      const stop = await processing(
        'kafka/serve.ts',
        peer.brokers,
        instance,
        state,
        'T1',
        views.name,
        String(commitMs),
      );
      const label = `Kafka, append to visible, commits of ${commitMs} ms`;
      print(label, await latencies(log, views, totals, KAFKA_LOAD), commitMs, KAFKA_AIM_MS);
      const toRedis = await latenciesToRedis(log, views, totals, redis.url, KAFKA_LOAD);
      print(`Kafka, append to the row in Redis, commits of ${commitMs} ms`, toRedis, commitMs, KAFKA_AIM_MS);
      await stop();
      await log.close();
      if (!withPeer) continue;
      const shared = { bench: 'latency', case: `${label}, peer` };
      const theirs = await peer.latency(commitMs);
      if (theirs === undefined) {
        printMissing(shared, NO_END);
        continue;
      }
      for (const metric of ['p50_ms', 'p95_ms', 'p99_ms'] as const)
        printFigure({ ...shared, metric, value: theirs[metric], unit: 'ms' });
    }
  } finally {
    await redis.stop();
    await peer.stopBroker();
  }
}

/** Starts what processes, in a process of its own; gives the way to stop it. */
async function processing(script: string, ...parameters: readonly string[]): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, [join(import.meta.dirname, script), ...parameters], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  return async () => {
    child.stdin.end();
    await exited;
  };
}

function print(label: string, waits: readonly number[], commitMs: number, aim: number): void {
  const shared = { bench: 'latency', case: label, unit: 'ms' } as const;
  printFigure({ ...shared, metric: 'p50_ms', value: percentile(waits, 0.5) });
  printFigure({ ...shared, metric: 'p95_ms', value: percentile(waits, 0.95) });
  const p99 = percentile(waits, 0.99);
  printFigure({ ...shared, metric: 'p99_ms', value: p99, ...(commitMs === AIM_COMMIT_MS && { aim }) });
}
