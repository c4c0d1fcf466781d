/** The broker is killed under processes that go on by themselves. */
import { it } from 'node:test';
import { seededRandom } from '#models';
import { systemClock } from '#platform';
import { testSeed } from '#platform/testing';
import { ownKafka } from '#servers';
import { openOnKafka } from './kafka-world.ts';

const KILLS = 2;

it('kill -9 of the broker under load loses and repeats nothing', { timeout: 600_000 }, async (t) => {
  const kafka = await ownKafka(t);
  if (kafka === undefined) return;
  const world = await openOnKafka(t, kafka);
  const processes = [await world.running('one'), await world.running('two')];
  const random = seededRandom(testSeed);
  for (let kill = 0; kill < KILLS; kill++) {
    await world.goesOn(processes, 1_000);
    await systemClock.sleep(random.uniform() * 200);
    await kafka.kill();
    await kafka.restart();
  }
  await world.goesOn(processes, 1_000);
  await world.assertExact(processes, ['one', 'two']);
});
