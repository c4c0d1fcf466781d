import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { seededRandom } from '#models';
import { testSeed, withFlippedBit } from '#platform/testing';
import { archiveNow } from './archive.ts';
import { openOffline } from './reading.ts';
import { repairArchive } from './repair.ts';
import { accept, archivedWorld, DAY_MS, event, events, startMs } from './testing/archived-world.ts';

it('each of 100 flipped bits in the archive is found, and files are written again, equal to the byte', {
  timeout: 120_000,
}, async (t) => {
  const random = seededRandom(testSeed);
  const world = await archivedWorld(t);
  await accept(world, events(0, 900));
  assert.ok(await archiveNow(world.options));
  const files = (await openOffline(world)).allFiles();
  assert.ok(files.length > 2);
  for (let i = 0; i < 100; i++) {
    const file = files[random.integer(files.length)] ?? assert.fail();
    const path = join(world.dataDirectory, file.path);
    const sound = readFileSync(path);
    const bit = random.integer(8 * sound.length);
    writeFileSync(path, withFlippedBit(sound, bit));
    const store = await openOffline(world);
    await assert.rejects(
      store.verify([file]),
      { code: 'MR_OFFLINE_FILE_CORRUPT' },
      `bit ${bit} of ${file.path}, seed ${testSeed}`,
    );
    // A few of them, since each reads the log.
    if (i % 20 === 0) {
      const { repaired, left } = await repairArchive(world.options);
      assert.deepEqual([repaired, left], [[file.path], []]);
      assert.ok(readFileSync(path).equals(sound));
    } else writeFileSync(path, sound);
  }
  assert.deepEqual(await repairArchive(world.options), { repaired: [], left: [] });
});

it('a file whose records the log no longer has is named, and nothing else takes its place', async (t) => {
  const world = await archivedWorld(t);
  await accept(world, events(0, 900));
  assert.ok(await archiveNow(world.options));
  const [first = assert.fail()] = (await openOffline(world)).allFiles();
  const path = join(world.dataDirectory, first.path);
  rmSync(path);
  for (let user = 0; user < 40; user++)
    await accept(world, [{ ...event(user), ts: startMs + 400 * DAY_MS, event_id: `late ${user}` }]);
  assert.ok((await world.log.clean({ minDirtyRatio: 0 })).expiredBatches > 0);
  const { repaired, left } = await repairArchive(world.options);
  assert.deepEqual(repaired, []);
  assert.deepEqual(
    left.map((each) => each.path),
    [first.path],
  );
  assert.match(left[0]?.why ?? '', /the log no longer has interactions-accepted\/\d+ from offset/);
  assert.throws(() => readFileSync(path), { code: 'ENOENT' });
});
