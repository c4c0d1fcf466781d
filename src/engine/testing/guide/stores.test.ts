import assert from 'node:assert/strict';
import { it } from 'node:test';
import { checkLocalStores, placesOf, rocksDatabases } from '#engine';
import { json } from '#engine/testing';
import { temporaryDirectory } from '#platform/testing';
import { begin, run, totals, views } from './setting.ts';

it('a lost store', async (t) => {
  const directory = temporaryDirectory(t);
  const builder = begin();
  builder.source(views).count('views-of-user', { value: json<number>() }).to(totals);
  const topology = builder.build();
  const databases = rocksDatabases(directory);
  const driver = await run(t, topology, { databases });
  // example: lost-store
  await driver.pipe(views, ['ann', { item: 'a', seconds: 1 }, 1], ['bob', { item: 'a', seconds: 1 }, 2]);
  await driver.settle();
  const before = driver.digests();
  await driver.restart({ keepStores: false });
  assert.deepEqual(driver.digests(), before);
  assert.equal((await driver.store('views-of-user/state')).size, 2);
  // end
  await driver.close();
  // example: check-stores
  for (const place of placesOf(topology)) {
    const local = await checkLocalStores(place, databases);
    assert.deepEqual(local?.damaged, []);
  }
  // end
});
