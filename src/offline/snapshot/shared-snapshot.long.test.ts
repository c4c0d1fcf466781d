import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { createLogger, fileProblem, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { sharedFilesIn } from '#storage/testing';
import { holdsErasedUser } from './erased-since.ts';
import { removeSnapshots, snapshotStatistics } from './published.ts';
import { takeSnapshot } from './snapshot.ts';
import { fillSmallWorld, smallWorld } from './testing/small-world.ts';

const logger = createLogger({ level: 'silent', name: 'test' });

it('a snapshot that one machine has taken is on another, until any removes it', async (t) => {
  const here = await smallWorld(t);
  await fillSmallWorld(here);
  const folder = temporaryDirectory(t);
  const files = sharedFilesIn(folder, here.dataDirectory);
  const snapshot = await takeSnapshot({ ...here, files, clock: systemClock, logger });
  const dataDirectory = temporaryDirectory(t);
  const there = { ...here, dataDirectory, files: sharedFilesIn(folder, dataDirectory), logger };

  const statistics = await snapshotStatistics(there, snapshot);
  assert.deepEqual(statistics, await snapshotStatistics({ ...here, logger }, snapshot));
  assert.ok((statistics?.length ?? 0) > 0);
  assert.ok(!existsSync(join(dataDirectory, snapshot.directory)), 'for these, no copy of all of it is made');
  assert.equal(await there.files.bring(snapshot.directory), true);
  for (const file of snapshot.files) {
    assert.equal(await fileProblem(join(dataDirectory, snapshot.directory, file.name), file), undefined);
  }
  assert.equal(await holdsErasedUser({ ...here, files }, snapshot), false);

  await removeSnapshots(there, [snapshot]);
  assert.deepEqual(await files.names('snapshots'), []);
  assert.ok(!existsSync(join(dataDirectory, snapshot.directory)));
  assert.equal(
    await holdsErasedUser({ ...here, files }, snapshot),
    true,
    'the copy that is left says nothing',
  );
  await files.removeOrphans();
  assert.ok(!existsSync(join(here.dataDirectory, snapshot.directory)));
});
