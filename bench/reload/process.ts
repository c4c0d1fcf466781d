/** Steps of the benchmark in processes of their own. */
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { openEmbeddedLog } from '#log';
import { createLogger, createMetrics, systemClock } from '#platform';
import { asGiven } from '#privacy';
import { openResponder } from '#responders';
import { openTopics } from '#topologies';
import { makeMillion } from './million.ts';

export type Started = {
  readonly readySeconds: number;
  readonly rssBytes: number;
  readonly peakBytes: number;
  readonly longestStallMs: number;
};

const [step = '', directory = '', count = ''] = process.argv.slice(2);

if (step === 'make') await makeMillion(directory, Number(count));
else process.stdout.write(`${JSON.stringify(await start())}\n`);

async function start(): Promise<Started> {
  const stalls = monitorEventLoopDelay({ resolution: 1 });
  const startedMs = performance.now();
  const log = await openEmbeddedLog({ directory: join(directory, 'log'), clock: systemClock });
  stalls.enable();
  const topics = await openTopics(log, log.registry);
  const responder = await openResponder({
    log,
    topics,
    pseudonyms: asGiven,
    dataDirectory: directory,
    clock: systemClock,
    logger: createLogger({ level: 'error', name: 'bench' }),
    metrics: createMetrics(),
  });
  await responder.ready();
  const readySeconds = (performance.now() - startedMs) / 1e3;
  stalls.disable();
  if (responder.notReady() !== undefined || responder.version === undefined) throw new Error('not ready');
  const usage = process.resourceUsage();
  const started: Started = {
    readySeconds,
    rssBytes: process.memoryUsage().rss,
    peakBytes: usage.maxRSS * 1024,
    longestStallMs: stalls.max / 1e6,
  };
  await responder.close();
  await log.close();
  return started;
}
