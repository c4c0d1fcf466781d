import assert from 'node:assert/strict';
import { it } from 'node:test';
import { writerSchemaId } from '#avro';
import { TopologyDriver } from '#engine/testing';
import { crossKey, featureViews, userFeaturesView, versionedName } from '#features';
import { finishedRowsTopic } from './finished-rows.ts';
import { loopTopology } from './loop.ts';
import {
  accepted,
  decide,
  event,
  HOUR_MS,
  item,
  LATENESS_MS,
  NOW,
  publish,
  publishItems,
} from './testing/loop-driver.ts';
import { openTopics, type Topics } from './topics.ts';

it('rows of all views are published as records of their features, and removed with their user', async (t) => {
  let topics: Topics | undefined;
  const driver = await TopologyDriver.open(
    async (log) => {
      topics = await openTopics(log, log.registry);
      await log.createTopics(
        await Promise.all(featureViews.map((view) => finishedRowsTopic(log.registry, view))),
      );
      const limits = { latenessMs: LATENESS_MS, dedupHorizonMs: 24 * HOUR_MS, futureMs: 300_000 };
      const admission = { ...limits, count: () => {} };
      return loopTopology(topics, log.registry, { admission, gate: { minimumLift: 1 }, publishRows: true });
    },
    { wallClockMs: NOW },
  );
  t.after(() => driver.close());
  const loop = { driver, topics: topics as unknown as Topics, outcomes: {} };
  await publishItems(loop, item('i'));
  await publish(loop, event('a', NOW - 5_000), event('b', NOW, { kind: 'like' }));
  const rowsOf = async (view: (typeof featureViews)[number]) => {
    const topic = await finishedRowsTopic(driver.log.registry, view);
    return (await driver.read(topic)).map(({ key, value, timestamp }) => [key, value, timestamp] as const);
  };
  const found = new Map<string, Awaited<ReturnType<typeof rowsOf>>>();
  for (const view of featureViews) found.set(view.name, await rowsOf(view));

  const events = await accepted(loop);
  let state = userFeaturesView.empty();
  for (const each of events) state = userFeaturesView.add(state, each);
  const [key, row, timestamp] = found.get('user-features')?.at(-1) ?? assert.fail();
  assert.deepEqual([key, timestamp], ['u', NOW]);
  assert.deepEqual({ ...row }, userFeaturesView.finish(state, NOW));
  assert.deepEqual(
    featureViews.map(({ name }) => found.get(name)?.at(-1)?.[0]),
    ['u', 'i', crossKey('u', 'Drama'), crossKey('u', 'i')],
  );
  for (const view of featureViews) {
    const value = found.get(view.name)?.at(-1)?.[1];
    assert.deepEqual(
      Object.keys(value ?? {}),
      view.columns.map(({ name }) => name),
      view.name,
    );
  }

  // What a consumer finds that knows the registry alone.
  const consumer = await driver.log.consumer();
  const place = { topic: `${versionedName(userFeaturesView)}-rows`, partition: 0 };
  const partitions = (await driver.log.describeTopics([place.topic]))[0]?.offsets.length ?? 0;
  consumer.assign(Array.from({ length: partitions }, (_, partition) => ({ ...place, partition, offset: 0 })));
  const [batch] = await consumer.poll(0);
  const schema = await driver.log.registry.schema(writerSchemaId(batch?.value(0) ?? assert.fail()));
  assert.equal((schema as { name: string }).name, 'UserFeatures');
  await consumer.close();

  await decide(loop, 'u', 'opted_out');
  assert.deepEqual((await rowsOf(userFeaturesView)).at(-1)?.slice(0, 2), ['u', null]);
});
