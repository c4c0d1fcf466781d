import assert from 'node:assert/strict';
import { it } from 'node:test';
import { compareWithRebuild, memoryDatabases, placesOf, StoresOnDisk, verify, verifyTask } from '#engine';
import { systemClock } from '#platform';
import { logger, openLog, start, stop, write } from './setting.ts';
import { watching, wideTotals, wideViews } from './watching.ts';

it('verify, and compare with a rebuild', async (t) => {
  const log = await openLog(t);
  await log.createTopics([wideViews, wideTotals]);
  const topology = watching();
  await write(
    log,
    wideViews,
    ['ann', { item: 'a', seconds: 30 }, 1_000],
    ['bob', { item: 'a', seconds: 3 }, 2],
  );
  const databases = memoryDatabases();
  await stop(await start(t, log, topology, { databases }));
  let commits = 0;
  // example: verify
  for await (const { task, difference, ...done } of verify({ log, topology, logger })) {
    assert.equal(difference, undefined, task);
    commits += done.commits;
  }
  // end
  assert.ok(commits > 0);
  let stores = 0;
  // example: stores-on-disk
  for (const place of placesOf(topology)) {
    const onDisk = await StoresOnDisk.open(place, databases);
    await verifyTask(place, { log, topology, logger, onDisk });
    for (const { name, result } of onDisk?.results() ?? []) {
      assert.equal(result, 'equal', name);
      stores++;
    }
    await onDisk?.close();
  }
  // end
  assert.ok(stores > 0);
  // example: compare-with-rebuild
  for await (const { task, stores } of compareWithRebuild({ log, topology, logger, clock: systemClock })) {
    assert.deepEqual([stores.different, stores.incomparable], [[], []], task);
  }
  // end
});
