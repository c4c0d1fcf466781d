/**
 * Millrace's side of one case, in a process of its own, on topics that the peer has filled. Prints a Measurement, or of a
 * restore the seconds that starting took: `node case.ts BROKERS PREFIX STATE NAME INPUT GUARANTEE COMMIT_MS [restore]`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deadLetterTopic } from '#engine';
import { type Log, openEmbeddedLog, openKafkaLog, parseKafkaUrl } from '#engine/log';
import { systemClock } from '#platform';
import { inputTopics } from '../engine/cases.ts';
import { Case, countOf } from '../engine/measure.ts';
import type { Guarantee } from './peer.ts';
import { peerSerdes } from './peer-serdes.ts';

const [brokers, instance = '', state = '', name = '', input = '', guarantee, commitMs, mode] =
  process.argv.slice(2);

export type RestoreMeasurement = { readonly seconds: number; readonly cpuSeconds: number };

/** Dead letters are the only values whose schema this benchmark registers: any registry does. */
async function inRegistry<T>(
  work: (registry: Awaited<ReturnType<typeof openEmbeddedLog>>['registry']) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  const embedded = await openEmbeddedLog({ directory, clock: systemClock });
  try {
    return await work(embedded.registry);
  } finally {
    await embedded.close();
    await rm(directory, { recursive: true });
  }
}

/** Topics that this run makes carry its name; those that the peer has filled are shared. */
function named<T extends { readonly name: string }>(topic: T): T {
  return { ...topic, name: `${instance}-${topic.name}` };
}

async function main(): Promise<object> {
  const log: Log = await openKafkaLog(parseKafkaUrl(`kafka://${brokers}`), {
    clock: systemClock,
    random: Math.random,
  });
  const deadLetters = named(await inRegistry(deadLetterTopic));
  const running = await Case.open({
    name,
    instance,
    log,
    inputs: inputTopics(peerSerdes, input),
    serdes: peerSerdes,
    deadLetters,
    state,
    options: { guarantee: guarantee as Guarantee, commitIntervalMs: Number(commitMs) },
  });
  const cpu = process.cpuUsage();
  const since = performance.now();
  await running.runtime.start();
  const seconds = (performance.now() - since) / 1e3;
  const { user, system } = process.cpuUsage(cpu);
  const started: RestoreMeasurement = { seconds, cpuSeconds: (user + system) / 1e6 };
  const result = mode === 'restore' ? started : await running.measure(await countOf(log, input));
  await running.runtime.close();
  await log.close();
  return result;
}

process.stdout.write(`${JSON.stringify(await main())}\n`);
