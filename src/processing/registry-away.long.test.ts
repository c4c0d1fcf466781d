import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { avroSerde, TopicReader, TopicWriter } from '#engine';
import { openLog } from '#log';
import { createLogger, systemClock } from '#platform';
import { eventually, temporaryDirectory } from '#platform/testing';
import { avroSchema, type Interaction } from '#schemas';
import { ownRegistry } from '#servers';
import { loadConfiguration } from '#service/configuration';
import { openTopics } from '#topologies';
import { startProcessing } from './processing.ts';

const START_MS = Date.UTC(2026, 0, 1);

function event(n: number): Interaction {
  return {
    event_id: `e${n}`,
    user_id: 'u',
    item_id: 'i',
    kind: 'click',
    value: null,
    watch_ms: null,
    session_id: null,
    request_id: null,
    context: { device: null, country: null, language: null },
    ts: START_MS + n * 1000,
    original_ts: null,
    item: null,
  };
}

it('goes on while the registry is away, and waits for a schema that is new', {
  timeout: 180_000,
}, async (t) => {
  const registry = await ownRegistry(t);
  if (registry === undefined) return;
  const data = temporaryDirectory(t);
  const configuration = loadConfiguration({
    flags: { data, registry: registry.url, 'logging.level': 'silent', 'privacy.userIds': 'as-given' },
    environment: {},
    directory: data,
  });
  const logger = createLogger({ level: 'silent', name: 'test' });
  const opened = await openLog(configuration, { clock: systemClock, random: Math.random, logger });
  t.after(() => opened.close());
  const topics = await openTopics(opened.log, opened.registry);
  const processing = await startProcessing({
    ...opened,
    topics,
    stateDirectory: join(data, 'state'),
    instanceId: 'main',
    configuration,
  });
  t.after(() => processing.stop());
  // A producer's newer version of the schema: with one field more.
  const schema = avroSchema('Interaction') as { fields: object[] };
  const added = { name: 'mood', type: ['null', 'string'], default: null };
  const newer = { ...schema, fields: [...schema.fields, added] };
  const value = await avroSerde<Interaction & { mood: string }>(opened.registry, 'interactions-value', newer);
  const write = async (n: number, topic: typeof topics.interactions) => {
    const writer = await TopicWriter.open(opened.log, topic);
    await writer.write([{ key: 'u', value: event(n), timestamp: event(n).ts }]);
    await writer.close();
  };
  const accepted = async () => {
    const reader = await TopicReader.open(opened.log, topics['interactions-accepted'], { from: 'start' });
    const ids: (string | undefined)[] = [];
    for await (const records of reader.untilEnd()) ids.push(...records.map((each) => each.value?.event_id));
    await reader.close();
    return ids;
  };

  await registry.kill();
  await write(1, topics.interactions);
  await processing.untilCaughtUp();
  assert.deepEqual(await accepted(), ['e1']);

  const encode = (each: Interaction) => value.encode({ ...each, mood: 'good' });
  await write(2, { ...topics.interactions, value: { ...topics.interactions.value, encode } });
  const caughtUp = processing.untilCaughtUp();
  await eventually(() => processing.heldUp !== undefined);
  await registry.restart();
  await caughtUp;
  assert.equal(processing.heldUp, undefined);
  assert.deepEqual(await accepted(), ['e1', 'e2']);
  const [letters] = await opened.log.describeTopics(['dead-letters']);
  assert.equal(letters?.offsets[0]?.end, 0);
});
