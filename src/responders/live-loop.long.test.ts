import assert from 'node:assert/strict';
import { it } from 'node:test';
import { memoryDatabases, StreamsRuntime, TopicWriter } from '#engine';
import { eventually } from '#platform/testing';
import type { ContextFeatures, Interaction } from '#schemas';
import { type LoopOptions, loopTopology } from '#topologies';
import type { FeatureReader } from './features/feature-reader.ts';
import { openFeatureReader } from './features/open-features.ts';
import { Rescorer } from './testing/rescore.ts';
import { item, itemIds } from './testing/tiny-model.ts';
import { interaction, openWorld, type TestWorld } from './testing/world.ts';

it('an event that is published changes the next answers, by way of the processors', async (t) => {
  const world = await openWorld(t);
  await world.putItems(itemIds.map((id) => item(id)));
  await world.promote(await world.train(16, 1));
  await runLoop(world, { latenessMs: 10_000 }, async () => {
    // Answers would be repeated for an hour, did the user's events not end that.
    const recommending = { ...world.recommending, cacheMs: 3_600_000 };
    const responder = await world.responder({ recommending });
    const ask = async () => (await responder.recommend('visitor', { k: 60 })).items;
    assert.ok((await ask()).every(({ source }) => source === 'popular'));

    const interactions = await TopicWriter.open(world.log, world.topics.interactions);
    const publish = async (itemId: string) => {
      const value = interaction('visitor', itemId);
      await interactions.write([{ key: 'visitor', value, timestamp: value.ts }]);
      await eventually(async () => (await ask()).every(({ item_id }) => item_id !== itemId));
    };
    await publish('item-07');
    assert.ok((await ask()).every(({ source }) => source === 'index'));
    await publish('item-08');
    assert.equal((await ask()).length, itemIds.length - 2);

    // What the visitor liked is popular now, for those of whom nothing is known.
    const others = await world.responder();
    await eventually(async () => {
      const { items } = await others.recommend('stranger', { k: 2 });
      return items.every(({ item_id }) => ['item-07', 'item-08'].includes(item_id));
    });
  });
});

it('what is read at a moment, and answered in it, is as an example of that moment has it, by way of the processors', async (t) => {
  const world = await openWorld(t);
  await world.putItems([...itemIds, 'a', 'b', 'c'].map((id) => item(id)));
  const elsewhere: ContextFeatures = {
    hour: 9,
    weekday: 4,
    device: 'mobile',
    country: 'FR',
    language: 'fr',
    session_position: 0,
  };
  const onTv = { device: 'tv', country: 'DE', language: 'de' } as const;
  await world.promote(await world.train(16, 1, [elsewhere, { ...elsewhere, ...onTv, session_position: 4 }]));
  await runLoop(world, { latenessMs: 0, examples: { outcomeWindowMs: 1 } }, async () => {
    const features = await openFeatureReader(world);
    t.after(() => features.close());
    const responder = await world.responder();
    const interactions = await TopicWriter.open(world.log, world.topics.interactions);
    const publish = async (event: Interaction) =>
      interactions.write([{ key: event.user_id, value: event, timestamp: event.ts }]);
    // A world of the past, whose watermark moves by its events alone. On the hour, the ranks of items are published.
    const hour = Date.UTC(2025, 0, 1, 10);
    const at = (minutes: number, userId: string, itemId: string) =>
      publish({ ...interaction(userId, itemId), ts: hour + minutes * 60_000 });
    /** In every partition, so that the watermark passes the minute before. */
    const passBy = async (minutes: number) => {
      for (let i = 0; i < 24; i++) await at(minutes, `other-${i}`, 'b');
    };
    await at(-20, 'u', 'a');
    await at(-19, 'u', 'b');
    await at(1, 'u', 'a');
    await at(1.5, 'u', 'c');
    await passBy(2);
    const moment = { ...interaction('u', 'a', 'like'), ts: hour + 3 * 60_000, context: onTv };
    const read = (reader = features.reader) =>
      reader.read({ user: 'u', items: ['a'], now: moment.ts, context: moment.context });
    const isThere = async (reader?: FeatureReader) => {
      const { user, items } = await read(reader);
      const found = { ...user, ...items?.[0] };
      const pair = found['user-item-features']?.features.events;
      const ofItem = found['item-features']?.features.positives;
      const isRanked = found['popularity-rank']?.found === true;
      return found['user-features']?.features.events === 4 && pair === 2 && ofItem === 2 && isRanked;
    };
    await eventually(isThere);
    const { user, items, context } = await read();
    // The responder has views of its own, and goes by their watermark: the hour is the same.
    await eventually(() => isThere(responder.features));
    await eventually(async () => (await responder.features.read({ user: 'u' })).ts >= hour);
    const answered = await responder.recommend('u', { k: 5, context: moment.context });
    const answeredWithout = await responder.recommend('u', { k: 5 });
    await publish(moment);
    await passBy(4);
    const find = async () => (await world.examples()).find((each) => each.event_id === moment.event_id);
    await eventually(async () => (await find()) !== undefined);
    const example = await find();
    assert.deepEqual(user?.['user-features']?.features, example?.user);
    const rows = items?.[0];
    assert.deepEqual(rows?.['item-features']?.features, example?.item);
    assert.deepEqual(rows?.['user-category-features']?.features, example?.category);
    assert.deepEqual(rows?.['user-item-features']?.features, example?.pair);
    assert.equal(rows?.['popularity-rank']?.features.popularity_rank, example?.popularity_rank);
    assert.ok(Number(example?.popularity_rank) > 0);
    assert.deepEqual(context, example?.context);
    assert.equal(context?.session_position, 4);
    const rescorer = new Rescorer(
      world.dataDirectory,
      () => example?.user.recent_items ?? [],
      example?.context,
    );
    await rescorer.check(answered, new Set());
    await assert.rejects(rescorer.check(answeredWithout, new Set()), /scores/);
  });
});

type Settings = { readonly latenessMs: number } & Pick<LoopOptions, 'examples'>;

/** Does `work` while the processors run. */
async function runLoop(
  world: TestWorld,
  { latenessMs, examples }: Settings,
  work: () => Promise<void>,
): Promise<void> {
  const topology = await loopTopology(world.topics, world.log.registry, {
    admission: { latenessMs, dedupHorizonMs: 86_400_000, futureMs: 300_000, count: () => {} },
    gate: { minimumLift: 1 },
    ...(examples && { examples }),
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
  // The loop runs until it is stopped, or fails.
  await Promise.race([work(), running]).finally(() => stop.abort());
  await running;
}
