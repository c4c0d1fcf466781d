import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { seededRandom } from '#models';
import { testSeed, withFlippedBit } from '#platform/testing';
import type { Database } from '../store/port.ts';
import { json, jsonTopic } from '../testing/json-topic.ts';
import { TopologyBuilder } from '../topology/builder.ts';
import { compareWithChangelogs } from './against-changelog.ts';
import { placesOf } from './journal-reader.ts';
import { World } from './testing/world.ts';
import { verifyTask } from './verify.ts';

const input = jsonTopic<number>('input');

const counted = (() => {
  const builder = new TopologyBuilder({ name: 'proof', generation: 1 });
  builder.source(input).count('count', { value: json<number>() });
  return builder.build();
})();
const [place = assert.fail()] = placesOf(counted);

/** Rows counted by a task whose journal no longer begins with its first commit. */
async function cutJournal(t: TestContext): Promise<World> {
  const world = await World.open(t, [input]);
  for (let round = 0; round < 3; round++) {
    for (let key = 0; key < 40; key++) await world.pipe(input, [`k${key}`, 1, round]);
    await world.settle(counted);
    if (round < 2) world.wallNow += 100 * 86_400_000;
  }
  world.log.clean();
  const verified = verifyTask(place, { ...world, topology: counted });
  await assert.rejects(verified, { code: 'MR_JOURNAL_INCOMPLETE' });
  return world;
}

const compare = (world: World) => compareWithChangelogs(place, { ...world, topology: counted });
const keyOf = (key: string) => Buffer.from(`\x01\x0bcount/state${key}`);

async function rowOf(world: World, key: string): Promise<Buffer> {
  let found: Buffer | null | undefined;
  await world.meddle('input-0', async (database) => {
    [found] = await database.getMany([keyOf(key)]);
  });
  return Buffer.from(found ?? assert.fail());
}

const write = (world: World, ...changes: Parameters<Database['write']>[0]) =>
  world.meddle('input-0', (database) => database.write(changes));

it('a store whose journal is cut is equal to its changelog, and each flipped bit of its rows is found', async (t) => {
  const random = seededRandom(testSeed);
  const world = await cutJournal(t);
  assert.deepEqual(await compare(world), [{ name: 'count/state', result: 'equal' }]);
  for (let i = 0; i < 100; i++) {
    const key = `k${random.integer(40)}`;
    const sound = await rowOf(world, key);
    const bit = random.integer(8 * sound.length);
    await write(world, { key: keyOf(key), value: withFlippedBit(sound, bit) });
    const [{ result, rows, firstKey, record } = assert.fail()] = await compare(world);
    assert.deepEqual(
      [result, rows, firstKey],
      ['different', 1, key],
      `bit ${bit} of ${key}, seed ${testSeed}`,
    );
    assert.match(record?.topic ?? '', /count-state/);
    await write(world, { key: keyOf(key), value: sound });
  }
  assert.deepEqual(await compare(world), [{ name: 'count/state', result: 'equal' }]);
});

it('rows that are gone, or too many, differ; a row that the log has a newer record of does not', async (t) => {
  const world = await cutJournal(t);
  const sound = await rowOf(world, 'k7');
  await write(world, { key: keyOf('k7'), value: null }, { key: keyOf('new'), value: sound });
  const [gone] = await compare(world);
  assert.deepEqual([gone?.result, gone?.rows, gone?.firstKey], ['different', 2, 'k7']);
  await write(world, { key: keyOf('k7'), value: sound }, { key: keyOf('new'), value: null });
  const before = world.databases;
  // The store stays behind: another process has gone on with the task, and its log was compacted.
  await world.pipe(input, ['k7', 1, 9]);
  const elsewhere = await World.open(t, []);
  await world.settle(counted, { databases: elsewhere.databases });
  world.log.clean();
  assert.deepEqual(await compareWithChangelogs(place, { ...world, databases: before, topology: counted }), [
    { name: 'count/state', result: 'equal' },
  ]);
});

it('a changelog that makes something else than the journal says is different, without a store on this machine', async (t) => {
  const world = await cutJournal(t);
  const without = () => compareWithChangelogs(place, { ...world, databases: undefined, topology: counted });
  assert.deepEqual(await without(), [{ name: 'count/state', result: 'equal' }]);
  const [{ topic, partition } = assert.fail()] = counted.internalTopics
    .filter(({ name }) => name.endsWith('changelog'))
    .map(({ name }) => ({ topic: name, partition: 0 }));
  const consumer = await world.log.consumer();
  consumer.assign([{ topic, partition, offset: 0 }]);
  const batches = await consumer.poll(0);
  await consumer.close();
  const last = batches.findLast(({ count }) => count > 0) ?? assert.fail();
  const at = last.count - 1;
  const producer = await world.log.producer();
  // As if a bit had been flipped in the log: the same commit's headers, another value.
  const value = Buffer.from(last.value(at) ?? assert.fail());
  value[0] = (value[0] ?? 0) ^ 1;
  await producer.append(topic, partition, [
    { key: last.key(at), value, timestamp: last.timestamp(at), headers: last.headers(at) },
  ]);
  await producer.close();
  const [{ result, error } = assert.fail()] = await without();
  assert.deepEqual([result, /another digest than the journal/.test(error ?? '')], ['different', true]);
});
