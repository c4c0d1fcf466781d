import assert from 'node:assert/strict';
import { it } from 'node:test';
import { memoryDatabases, StreamsRuntime, TopicWriter } from '#engine';
import { loopTopology } from '#topologies';
import { item, itemIds } from './testing/tiny-model.ts';
import { interaction, openWorld, until } from './testing/world.ts';

it('an event that is published changes the next answers, by way of the processors', async (t) => {
  const world = await openWorld(t);
  await world.putItems(itemIds.map((id) => item(id)));
  await world.promote(await world.train(16, 1));
  const topology = await loopTopology(world.topics, world.log.registry, {
    admission: { latenessMs: 10_000, dedupHorizonMs: 86_400_000, futureMs: 300_000, count: () => {} },
    gate: { minimumLift: 1 },
  });
  const runtime = new StreamsRuntime({
    ...world,
    topology,
    databases: memoryDatabases(),
    deadLetters: world.topics['dead-letters'],
    instanceId: 'test',
  });
  await runtime.start();
  const stop = new AbortController();
  const running = runtime.run(stop.signal);
  const visit = async () => {
    const responder = await world.responder();
    const ask = async () => (await responder.recommend('visitor', { k: 60 })).items;
    assert.ok((await ask()).every(({ source }) => source === 'popular'));

    const interactions = await TopicWriter.open(world.log, world.topics.interactions);
    const publish = async (itemId: string) => {
      const value = interaction('visitor', itemId);
      await interactions.write([{ key: 'visitor', value, timestamp: value.ts }]);
      await until(async () => (await ask()).every(({ item_id }) => item_id !== itemId));
    };
    await publish('item-07');
    assert.ok((await ask()).every(({ source }) => source === 'index'));
    await publish('item-08');
    assert.equal((await ask()).length, itemIds.length - 2);

    // What the visitor liked is popular now, for those of whom nothing is known.
    await until(async () => {
      const { items } = await responder.recommend('stranger', { k: 2 });
      return items.every(({ item_id }) => ['item-07', 'item-08'].includes(item_id));
    });
  };
  // The loop runs until it is stopped, or fails.
  await Promise.race([visit(), running]).finally(() => stop.abort());
  await running;
});
