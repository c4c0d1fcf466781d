import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openEmbeddedLog } from '#log';
import { systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { writePrivacyStatus } from '#privacy';
import type { PrivacyStatus, Snapshot } from '#schemas';
import { openTopics } from '#topologies';
import { withDuckDb } from '../duckdb.ts';
import { holdsErasedUser } from './erased-since.ts';

describe('holdsErasedUser', () => {
  it('is true from the moment on when a user of the snapshot is erased, and where the files are gone', async (t) => {
    const dataDirectory = temporaryDirectory(t);
    const log = await openEmbeddedLog({ directory: dataDirectory, clock: systemClock });
    t.after(() => log.close());
    const topics = await openTopics(log, log.registry);
    const directory = 'snapshots/one';
    mkdirSync(join(dataDirectory, directory), { recursive: true });
    await withDuckDb(join(dataDirectory, 'scratch'), async (database) => {
      const to = (name: string) => `'${join(dataDirectory, directory, name)}'`;
      await database.run(`COPY (SELECT 'anna' AS user_id) TO ${to('train.parquet')}`);
      await database.run(`COPY (SELECT 'bert' AS item_id) TO ${to('items.parquet')}`);
    });
    const decide = (user_id: string, status: PrivacyStatus) =>
      writePrivacyStatus(log, topics.privacy, { user_id, status, ts: 0 });
    await decide('anna', 'erased');
    const [description] = await log.describeTopics(['privacy']);
    const offsets: Snapshot['offsets'] = (description?.offsets ?? []).map(({ start, stable }, partition) => {
      return { topic: 'privacy', partition, start, end: stable };
    });

    const holds = (at = directory) =>
      holdsErasedUser({ log, topics, dataDirectory }, { directory: at, offsets });
    assert.equal(await holds(), false, 'the snapshot was taken after that');
    await decide('bert', 'erased');
    await decide('cleo', 'opted_out');
    assert.equal(await holds(), false);
    await decide('anna', 'erased');
    assert.equal(await holds(), true);
    assert.equal(await holds('snapshots/gone'), true);
  });
});
