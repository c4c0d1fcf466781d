import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { TopicReader } from '#engine';
import { openLog, partitionFor } from '#log';
import { createLogger, renderTogether, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { startProcessing } from '#processing';
import type { Interaction } from '#schemas';
import { kafkaServer, registryServer } from '#servers';
import { openTopics } from '#topologies';
import { loadConfiguration } from './configuration.ts';

const EVENTS = 200;
const producer = join(import.meta.dirname, '../../examples/producer-kafkajs/produce.js');

it('events of a producer written with kafkajs are admitted where ids are names', {
  timeout: 180_000,
}, async (t) => {
  const produced = await produce(t, 'as-given');
  if (produced === undefined) return;
  const { sent, processing, read } = produced;
  assert.deepEqual(await read('interactions-accepted'), sent);
  assert.match(
    await renderTogether(await processing.metrics()),
    new RegExp(`admission_events_total\\{outcome="accepted"\\} ${EVENTS}`),
  );
});

it('where pseudonyms are, ids that are none are refused and counted', { timeout: 180_000 }, async (t) => {
  const produced = await produce(t, 'pseudonyms');
  if (produced === undefined) return;
  const { processing, read, log } = produced;
  assert.deepEqual(await read('interactions-accepted'), []);
  const [letters] = await log.describeTopics(['dead-letters']);
  assert.ok((letters?.offsets.reduce((sum, { end }) => sum + end, 0) ?? 0) >= EVENTS);
  assert.match(
    await renderTogether(await processing.metrics()),
    new RegExp(`reason="MR_EVENT_NOT_PSEUDONYM"[^\\n]* ${EVENTS}$`, 'm'),
  );
});

/** What the example has sent, and a processing that has gone through it; undefined where there are no servers. */
async function produce(t: TestContext, userIds: 'as-given' | 'pseudonyms') {
  const kafka = await kafkaServer(t);
  const registry = await registryServer(t);
  if (kafka === undefined || registry === undefined) return undefined;
  const directory = temporaryDirectory(t);
  const prefix = `interoperability-${process.pid}-${userIds}.`;
  const configuration = loadConfiguration({
    flags: {
      data: directory,
      log: `${kafka.url}?prefix=${prefix}`,
      registry: `${registry.url}?prefix=${prefix}`,
      'logging.level': 'error',
      'privacy.userIds': userIds,
    },
    environment: {},
    directory,
  });
  const logger = createLogger({ level: 'error', name: 'test' });
  const opened = await openLog(configuration, { clock: systemClock, random: Math.random, logger });
  t.after(() => opened.close());
  const { log } = opened;
  const topics = await openTopics(log, opened.registry);

  const run = promisify(execFile);
  const environment = { BROKERS: kafka.brokers, REGISTRY: registry.url };
  const prefixes = { TOPIC_PREFIX: prefix, SUBJECT_PREFIX: prefix };
  const { stdout } = await run(process.execPath, [producer, String(EVENTS)], {
    env: { ...process.env, ...environment, ...prefixes },
  });
  assert.equal(JSON.parse(stdout).sent, EVENTS);

  const read = async (topic: 'interactions' | 'interactions-accepted') => {
    const reader = await TopicReader.open(log, topics[topic], { from: 'start' });
    const records: { readonly partition: number; readonly event: Interaction }[] = [];
    for await (const some of reader.untilEnd()) {
      for (const { partition, value } of some) if (value !== null) records.push({ partition, event: value });
    }
    await reader.close();
    return records.sort((a, b) => (a.event.event_id < b.event.event_id ? -1 : 1));
  };
  const sent = await read('interactions');
  assert.equal(sent.length, EVENTS);
  for (const { partition, event } of sent) {
    assert.equal(partition, partitionFor(event.user_id, topics.interactions.partitions), event.user_id);
  }

  const processing = await startProcessing({
    ...opened,
    topics,
    stateDirectory: join(directory, 'state'),
    instanceId: 'test',
    configuration,
  });
  t.after(() => processing.stop());
  await processing.untilCaughtUp();
  return { sent, processing, read, log };
}
