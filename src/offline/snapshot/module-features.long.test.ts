import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { type AnyView, crossKey, defineView, newest, sum } from '#features';
import { createLogger, systemClock } from '#platform';
import type { Interaction } from '#schemas';
import { exampleModules } from './module-features.ts';
import { type SnapshotOptions, takeSnapshot } from './snapshot.ts';
import { eventfulWorld, rowBefore, rowsIn } from './testing/eventful-world.ts';
import {
  announce,
  example,
  MINUTE_MS,
  openSmallWorld,
  type SmallWorld,
  startMs,
  write,
  writeExamples,
} from './testing/small-world.ts';

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
  const snapshot = await taken(opened, {
    modules,
    negatives: { uniform: 1, byPopularity: 1, byCoVisits: 0, bySources: 0, seed: 1 },
  });
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

it('counts the highest version of a name, also one that examples do not have any more', () => {
  const { exampleField: _, ...without } = counted('user-trends', 'trends', ({ user_id }) => user_id, {
    version: 2,
  });
  assert.deepEqual(exampleModules([ofUser, without, ofItem]), [ofItem]);
});

it('refuses columns that DuckDB takes for one: in other case, or those that number the rows', () => {
  const upper = counted('user-fashions', 'Trends', ({ user_id }) => user_id);
  assert.throws(() => exampleModules([ofUser, upper]), { code: 'MR_FEATURES_MODULE' });
  const others = counted('user-fashions', 'trends', ({ user_id }) => user_id, { feature: 'fashions' });
  const { columns, ...rest } = others;
  const apart = { ...rest, columns: columns.filter(({ name }) => name !== 'last') } as AnyView;
  assert.throws(
    () => exampleModules([ofUser, apart]),
    { code: 'MR_FEATURES_MODULE' },
    'one field, two views',
  );
  const recent = counted('user-habits', 'Event', ({ user_id }) => user_id, { feature: 'ID' });
  assert.throws(() => exampleModules([recent]), { code: 'MR_FEATURES_MODULE' });
  const ordering = counted('user-habits', 'place_in', ({ user_id }) => user_id, { feature: 'order' });
  assert.throws(() => exampleModules([ordering]), { code: 'MR_FEATURES_MODULE' });
  for (const field of ['example', 'positive', 'Place']) {
    const numbering = counted('user-habits', field, ({ user_id }) => user_id);
    assert.throws(() => exampleModules([numbering]), { code: 'MR_FEATURES_MODULE' }, field);
  }
});

it('refuses the snapshot by a code where the code of a view throws or gives what its row does not hold', async (t) => {
  const { opened } = await eventfulWorld(t);
  const fails = () => {
    throw new TypeError('no such season');
  };
  const faults: readonly Partial<AnyView>[] = [
    { filter: fails },
    { key: fails },
    { add: fails },
    { finish: fails },
    { finish: () => ({ events: 'many', last: null }) },
    { finish: () => ({ events: 0.5, last: null }) },
    { finish: () => ({ last: null }) },
    { finish: () => null },
    // The events of others.
    { key: () => 'u1' },
  ];
  for (const fault of faults) {
    const refused = { code: 'MR_SNAPSHOT_VIEW', message: /user-trends version 1/ };
    const modules = [{ ...ofUser, ...fault, withFeatureTtls: () => ({ ...ofUser, ...fault }) } as AnyView];
    await assert.rejects(taken(opened, { modules }), refused, Object.keys(fault)[0]);
  }
  assert.equal((await taken(opened, {})).suspect.length, 0, 'one without it can be taken');
});

it('keeps what examples knew when events come late, after a restart, and takes modules away again', async (t) => {
  const { opened, events } = await eventfulWorld(t);
  const before = await taken(opened, { modules });
  const { dataDirectory } = opened;
  await opened.log.close();
  const again = await openSmallWorld(dataDirectory);
  t.after(() => again.log.close());
  const ts = startMs + 60 * MINUTE_MS;
  // As admission lets late events in: at the watermark, with the time they had in a field of its own.
  const late = events.slice(0, 40).map((each, i) => ({
    ...each,
    event_id: `late${i}`,
    kind: 'view' as const,
    ts: ts + Math.floor(i / 8),
    original_ts: each.ts,
  }));
  await write(again.log, again.topics['interactions-accepted'], late, ({ user_id }) => user_id);
  const unchanged = await taken(again, { modules });
  const digestOf = ({ files }: typeof before) =>
    files.find(({ name }) => name === 'examples.parquet')?.sha256;
  assert.equal(digestOf(unchanged), digestOf(before));

  await writeExamples(
    again,
    late.map((each) => ({ ...example(each.user_id, each.item_id ?? '', each.ts), event_id: each.event_id })),
  );
  await announce(again, ts + MINUTE_MS);
  const snapshot = await taken(again, {
    modules,
    negatives: { uniform: 1, byPopularity: 0, byCoVisits: 0, bySources: 0, seed: 3 },
  });
  const all = [...events, ...late];
  for (const file of ['examples', 'negatives']) {
    const rows = await rowsIn<Row>(t, join(dataDirectory, snapshot.directory, `${file}.parquet`));
    assert.ok(rows.some((row) => row.ts > ts));
    for (const row of rows) {
      const of = (view: AnyView, key: string) =>
        rowBefore(all, view, { key, ts: row.ts, prefix: `${view.exampleField}_` });
      const own = { ...of(ofItem, row.item_id), ...of(ofPair, crossKey(row.user_id, row.item_id)) };
      const ofUsers = file === 'examples' ? of(ofUser, row.user_id) : {};
      assert.deepEqual({ ...row, ...own, ...ofUsers }, row);
    }
  }
  const without = await taken(again, {});
  assert.deepEqual(without.suspect, []);
  assert.ok(!without.columns.some(({ name }) => name.startsWith('trends_')));
  assert.ok(!without.views.some(({ name }) => name === 'user-trends'));
});

it('does not hold a view against another version of it, which means something else by its columns', async (t) => {
  const { opened } = await eventfulWorld(t, 1200);
  const raised = (version: number): AnyView =>
    defineView({
      ...ofUser,
      version,
      filter: () => true,
      aggregations: { events: sum((_: Interaction) => 1) },
      row: { events: 'long', last: 'long?' },
      updated: () => null,
      finish: ({ events }) => ({ events: 1_000_000 + events * events, last: null }),
    });
  const first = await taken(opened, { modules: [ofUser] });
  await write(opened.log, opened.topics.snapshots, [first], ({ snapshot_id }) => snapshot_id);
  const same = await taken(opened, {
    modules: [{ ...raised(1), declaration: ofUser.declaration } as AnyView],
  });
  assert.ok(
    same.suspect.some((reason) => reason.startsWith('trends_events: PSI')),
    'as one version it is',
  );
  const { suspect, columns } = await taken(opened, { modules: [raised(2)] });
  assert.deepEqual(suspect, []);
  const own = columns.find(({ name }) => name === 'trends_events');
  assert.deepEqual([own?.psi, own?.ks], [null, null]);
  assert.ok(
    columns.some(({ psi }) => psi !== null),
    'other columns are compared',
  );
});
