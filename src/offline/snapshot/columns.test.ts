import assert from 'node:assert/strict';
import { it } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import { withDuckDb } from '../duckdb.ts';
import { partialTable, snapshotTable } from './columns.ts';

it('gives fields that a row was written without the defaults that a reader of the log takes', async (t) => {
  const { columns, record } = snapshotTable('Example');
  const older = `SELECT 'e1' AS event_id, {'views': 3::BIGINT} AS "user", {'events': NULL::BIGINT} AS category`;
  const named = columns.map(({ name, source }) => `${source} AS "${name}"`);
  const [row = {}] = await withDuckDb(temporaryDirectory(t), (database) =>
    database.rows(`SELECT ${named.join(', ')} FROM (${record.emptySelect} UNION ALL BY NAME ${older})`),
  );
  const { event_id, user_views, user_clicks, user_recent_items, user_rating_mean } = row;
  assert.deepEqual([event_id, user_views, user_clicks, user_rating_mean], ['e1', 3n, 0n, null]);
  assert.deepEqual(user_recent_items, []);
  assert.deepEqual([row.category_events, row.category_affinity], [0n, 0]);
  assert.deepEqual([row.pair_events, row.profile_age], [null, null], 'there is no record to have defaults');
});

it('refuses a field that the record does not have, instead of leaving its columns out', () => {
  assert.throws(() => partialTable(['place'], 'Example', ['item', 'unknown']), /does not have/);
});
