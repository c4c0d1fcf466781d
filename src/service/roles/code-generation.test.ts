import assert from 'node:assert/strict';
import { it } from 'node:test';
import { memoryDatabases, StreamsRuntime, TopologyBuilder } from '#engine';
import { json } from '#engine/testing';
import { openSimulatedLog } from '#log';
import { createLogger, createMetrics, systemClock } from '#platform';
import { eventually } from '#platform/testing';
import { LOOP_GENERATION, openTopics } from '#topologies';
import { CodeGeneration } from './code-generation.ts';

const logger = createLogger({ level: 'silent', name: 'test' });

it('a process whose code has another generation of the loop than the processors says so', async (t) => {
  const log = openSimulatedLog({ clock: systemClock, random: () => 0 });
  t.after(() => log.close());
  const topics = await openTopics(log, log.registry);
  const stopping = new AbortController();
  const environment = { log, clock: systemClock, logger, metrics: createMetrics() };
  const code = new CodeGeneration({ ...environment, intervalMs: 5, signal: stopping.signal });
  const newer = new TopologyBuilder({ name: 'loop', generation: LOOP_GENERATION + 1 });
  newer.source(topics.users).count('count', { value: json<number>() });
  const runtime = new StreamsRuntime({
    ...environment,
    topology: newer.build(),
    databases: memoryDatabases(),
    deadLetters: topics['dead-letters'],
    instanceId: 'main',
  });
  assert.equal(code.difference, undefined);
  await runtime.start();
  await runtime.run(AbortSignal.abort());
  assert.match(
    await eventually(() => code.difference),
    /processors run generation 5 of the loop.*has the code of 4: upgrade this process/,
  );
  stopping.abort();
  await code.ended;
});
