import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { type AnyView, crossKey, defineView, newest, sum } from '#features';
import { createLogger, systemClock } from '#platform';
import type { Interaction } from '#schemas';
import { exampleModules } from './module-features.ts';
import { type SnapshotOptions, takeSnapshot } from './snapshot.ts';
import { eventfulWorld, rowBefore, rowsIn } from './testing/eventful-world.ts';
import type { SmallWorld } from './testing/small-world.ts';

const logger = createLogger({ level: 'silent', name: 'test' });

/** A view of modules that counts events. */
function counted(
  name: string,
  exampleField: string,
  key: (event: Interaction) => string,
  { entity = 'user' as AnyView['entity'], version = 1, feature = 'events' } = {},
): AnyView {
  return defineView({
    ...{ name, exampleField, key, entity, version },
    owner: 'tests',
    description: 'How many events there were.',
    tags: [],
    filter: ({ kind }) => kind !== 'rating',
    aggregations: { events: sum((_: Interaction) => 1), last: newest<Interaction>() },
    row: { [feature]: 'long', last: 'long?' },
    updated: ({ last }) => last,
    ttlMs: null,
    finish: ({ events, last }) => ({ [feature]: events, last }) as never,
  });
}

const ofUser = counted('user-trends', 'trends', ({ user_id }) => user_id);
const ofItem = counted('item-trends', 'fame', ({ item_id }) => item_id ?? '', { entity: 'item' });
const ofPair = counted('pair-trends', 'met', ({ user_id, item_id }) => crossKey(user_id, item_id ?? ''), {
  entity: 'user-item',
});
const modules = [ofUser, ofItem, ofPair];

type Row = { event_id: string; user_id: string; item_id: string; ts: number };

const taken = (opened: SmallWorld, options: Partial<SnapshotOptions>) =>
  takeSnapshot({ ...opened, clock: systemClock, logger, ...options });

it('gives examples and negatives the rows of modules as of strictly before their time', async (t) => {
  const { opened, events } = await eventfulWorld(t);
  const plain = await taken(opened, {});
  const snapshot = await taken(opened, { modules, negatives: { uniform: 1, byPopularity: 1, seed: 1 } });
  const pathOf = (directory: string, file: string) => join(opened.dataDirectory, directory, file);
  const read = (file: string) => rowsIn<Row>(t, pathOf(snapshot.directory, file));
  const before = (view: AnyView, key: string, ts: number) =>
    rowBefore(events, view, { key, ts, prefix: `${view.exampleField}_` });
  const expected = ({ user_id, item_id, ts }: Row) => ({
    ...before(ofItem, item_id, ts),
    ...before(ofPair, crossKey(user_id, item_id), ts),
  });
  const examples = await read('examples.parquet');
  const others = await rowsIn<Row>(t, pathOf(plain.directory, 'examples.parquet'));
  assert.ok(examples.length > 100);
  assert.deepEqual(
    examples,
    others.map((row) => ({ ...row, ...before(ofUser, row.user_id, row.ts), ...expected(row) })),
    'beside what examples have without modules, in the same order',
  );
  const negatives = await read('negatives.parquet');
  for (const row of negatives) {
    assert.deepEqual({ ...row, ...expected(row) }, row);
    assert.ok(!('trends_events' in row), 'rows of the user alone are those of the positive');
  }
  const statistics = snapshot.columns.map(({ name }) => name);
  for (const name of ['trends_events', 'fame_last', 'met_events']) assert.ok(statistics.includes(name), name);
  assert.deepEqual(
    snapshot.views.slice(-3),
    modules.map(({ name, version, declaration }) => ({ name, version, declaration })),
  );
  assert.ok(snapshot.offsets.some(({ topic }) => topic === 'interactions-accepted'));
  assert.notEqual(snapshot.snapshot_id, plain.snapshot_id);
});

it('takes the highest version of each view, and none in a field of the product', () => {
  const second = counted('user-trends', 'trends', ({ user_id }) => user_id, { version: 2 });
  const own = counted('user-features', 'user', ({ user_id }) => user_id, { version: 9 });
  assert.deepEqual(exampleModules([second, ofUser, own, ofItem]), [second, ofItem]);
});

it('refuses a view whose columns have a name that is taken', () => {
  const same = counted('user-fashions', 'trends', ({ user_id }) => user_id);
  assert.throws(() => exampleModules([ofUser, same]), { code: 'MR_FEATURES_MODULE' });
  const recent = counted('user-habits', 'event', ({ user_id }) => user_id, { feature: 'id' });
  assert.throws(() => exampleModules([recent]), { code: 'MR_FEATURES_MODULE' });
});
