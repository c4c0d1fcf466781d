/**
 * Processes with one and with two threads, on the embedded log and RocksDB, with standbys, killed (SIGKILL) at every step of
 * commit, restore and assignment and at random times, under load.
 */
import { it } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import { killedAtEveryStep, killedAtRandom, standsStill } from './testing/faults.ts';
import { SumsWorld } from './testing/sums-world.ts';

const RANDOM_KILLS = 2;

it('kill -9 at every failpoint and at random times, under load, loses and repeats nothing', async (t) => {
  const world = await SumsWorld.open(t, { directory: temporaryDirectory(t) });
  await killedAtEveryStep(world);
  await killedAtRandom(t, world, RANDOM_KILLS);
  const processes = [await world.running('steady'), await world.running('victim')];
  await world.assertExact(processes, ['steady', 'victim']);
});

it('a process that stands still beyond its session is fenced: what it commits late is refused', async (t) => {
  const world = await SumsWorld.open(t, { directory: temporaryDirectory(t) });
  // It may have been stopped while it held the log's lock: then nobody goes on, and it has to be let go.
  await world.assertExact(await standsStill(world, 8_000), ['steady', 'zombie']);
});
