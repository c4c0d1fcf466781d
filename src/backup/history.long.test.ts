/** The ways in which replication of SQLite has lost data before: each is a test. */
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { systemClock } from '#platform';
import { Shipper, writeDirectoryStore } from './index.ts';
import { BackedUp, DAY_MS, EVENTS, HOUR_MS, ROWS, recordsIn, tableOf } from './testing/backed-up.ts';

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => [`k${(from + i) % 7}`, `value ${from + i}`] as const);

describe('a backup and the history of its log', () => {
  it('misses nothing when the log was cleaned, checkpointed and rewritten while the backup was down', async (t) => {
    const backedUp = await BackedUp.open(t);
    await backedUp.append('events', numbered(0, 10));
    await backedUp.append('rows', numbered(0, 10));
    await backedUp.ship();
    const before = recordsIn(backedUp.data);
    await backedUp.append('events', numbered(10, 25));
    await backedUp.append('rows', numbered(10, 25));
    // Merges batches across the offset up to which the backup has them, rewrites the file, and checkpoints its log.
    await backedUp.log.scrub();
    await backedUp.append('events', numbered(25, 30));
    await backedUp.clock.advance(1_000);
    const { at } = await backedUp.ship();
    const after = recordsIn(backedUp.data);
    const restored = recordsIn((await backedUp.restore()).directory);
    assert.deepEqual(restored['events/0'], after['events/0']);
    assert.deepEqual(tableOf(restored['rows/0']), tableOf(after['rows/0']));
    assert.deepEqual(recordsIn((await backedUp.restore({ at: at - 1 })).directory), before);
  });

  it('restores what retention has left when records expired before they were shipped', async (t) => {
    const brief = { ...EVENTS, cleanup: { policy: 'delete', retentionMs: HOUR_MS } } as const;
    const backedUp = await BackedUp.open(t, { topics: [brief] });
    await backedUp.append('events', numbered(0, 5));
    const { at } = await backedUp.ship();
    const before = recordsIn(backedUp.data);
    await backedUp.append('events', numbered(5, 10));
    await backedUp.clock.advance(2 * HOUR_MS);
    await backedUp.append('events', numbered(10, 12));
    await backedUp.clean();
    await backedUp.ship();
    const after = recordsIn(backedUp.data);
    assert.equal(after['events/0']?.[0]?.offset, 10);
    assert.deepEqual(recordsIn((await backedUp.restore()).directory), after);
    assert.deepEqual(recordsIn((await backedUp.restore({ at })).directory), before);
  });

  it('brings no row back whose tombstone came and went while the backup was down', async (t) => {
    const backedUp = await BackedUp.open(t);
    await backedUp.append('rows', [
      ['ann', '1'],
      ['bert', '1'],
      ['cleo', '1'],
    ]);
    const { at } = await backedUp.ship();
    await backedUp.append('rows', [['bert', null]]);
    await backedUp.clean();
    await backedUp.clock.advance(2 * DAY_MS);
    await backedUp.append('rows', [['cleo', '2']]);
    await backedUp.clean();
    const rows = recordsIn(backedUp.data)['rows/0'];
    assert.deepEqual(
      rows?.map(({ key }) => key),
      ['ann', 'cleo'],
      'the tombstone is gone',
    );
    await backedUp.ship();
    const newest = recordsIn((await backedUp.restore()).directory);
    assert.deepEqual(tableOf(newest['rows/0']), { ann: '1', cleo: '2' });
    const before = recordsIn((await backedUp.restore({ at })).directory);
    assert.deepEqual(tableOf(before['rows/0']), { ann: '1', bert: '1', cleo: '1' });
  });

  it('ships a partition whole whose tombstones go faster than it can be read', async (t) => {
    const brief = { ...ROWS, cleanup: { policy: 'compact', tombstoneRetentionMs: 1 } } as const;
    const backedUp = await BackedUp.open(t, { topics: [brief] });
    let now = backedUp.clock.now();
    const store = await writeDirectoryStore(backedUp.place);
    t.after(() => store.close());
    // Later each time that it is asked.
    const clock = { ...systemClock, now: () => (now += 1_000) };
    const shipper = await Shipper.open({ ...backedUp.optionsOf(store, {}), clock });
    t.after(() => shipper.close());
    // More batches than are read at once, as the cleaner leaves them.
    const rows = Array.from({ length: 150 }, (_, i) => [`key ${i}`, `${i} `.repeat(12_000)] as const);
    for (let i = 0; i < 2; i++) {
      await backedUp.append('rows', rows);
      await backedUp.clean();
      await shipper.ship();
      const restored = recordsIn((await backedUp.restore()).directory);
      assert.deepEqual(restored['rows/0'], recordsIn(backedUp.data)['rows/0']);
    }
  });

  it('restores every point of a history with compaction between them', async (t) => {
    const backedUp = await BackedUp.open(t);
    const points: { at: number; rows: object; events: unknown }[] = [];
    for (let i = 0; i < 12; i++) {
      await backedUp.append('rows', [[`r${i % 4}`, i % 5 === 4 ? null : `${i}`]]);
      await backedUp.append('events', numbered(3 * i, 3 * i + 3));
      if (i % 3 === 2) await backedUp.clean();
      const { at } = await backedUp.ship();
      const records = recordsIn(backedUp.data);
      points.push({ at, rows: tableOf(records['rows/0']), events: records['events/0'] });
      await backedUp.clock.advance(5 * HOUR_MS);
    }
    for (const { at, rows, events } of points) {
      const restored = recordsIn((await backedUp.restore({ at })).directory);
      assert.deepEqual(tableOf(restored['rows/0']), rows);
      assert.deepEqual(restored['events/0'], events);
    }
  });

  it('keeps every point of the time to keep, and no generation longer than it is needed', async (t) => {
    const keepMs = 3 * DAY_MS;
    const backedUp = await BackedUp.open(t);
    const points: { at: number; events: unknown }[] = [];
    let bases = 0;
    for (let i = 0; i < 26; i++) {
      await backedUp.append('events', numbered(i, i + 1));
      const { at, manifest } = await backedUp.ship({ keepMs });
      if (manifest?.isBase) bases++;
      points.push({ at, events: recordsIn(backedUp.data)['events/0'] });
      const kept = points.filter((point) => point.at >= backedUp.clock.now() - keepMs);
      const oldest = kept[0] as (typeof points)[0];
      const { directory } = await backedUp.restore({ at: oldest.at });
      assert.deepEqual(recordsIn(directory)['events/0'], oldest.events, `the oldest point to keep at ${i}`);
      rmSync(directory, { recursive: true });
      await backedUp.clock.advance(DAY_MS / 2);
    }
    assert.equal(bases, 5);
    for (const { at, events } of points.slice(-6))
      assert.deepEqual(recordsIn((await backedUp.restore({ at })).directory)['events/0'], events);
    await assert.rejects(backedUp.restore({ at: points[0]?.at ?? 0 }), { code: 'MR_BACKUP_TIME' });
  });

  it('backs up what is written after a restore, and keeps what the restore has given up', async (t) => {
    const backedUp = await BackedUp.open(t);
    await backedUp.append('events', numbered(0, 5));
    const early = (await backedUp.ship()).at;
    await backedUp.clock.advance(HOUR_MS);
    await backedUp.append('events', numbered(5, 9));
    const late = (await backedUp.ship()).at;
    const given = recordsIn(backedUp.data);
    await backedUp.closeData();

    const { directory } = await backedUp.restore({ at: early });
    await backedUp.openData(directory);
    await backedUp.clock.advance(HOUR_MS);
    // As many records as before: by its offsets alone the log would be taken for the one that is shipped.
    await backedUp.append('events', [
      ['new', '1'],
      ['new', '2'],
      ['new', '3'],
      ['new', '4'],
    ]);
    const { manifest } = await backedUp.ship({ data: directory });
    assert.equal(manifest?.isBase, true);
    assert.deepEqual(recordsIn((await backedUp.restore()).directory), recordsIn(directory));
    assert.deepEqual(recordsIn((await backedUp.restore({ at: late })).directory), given);
    await backedUp.append('events', [['new', '5']]);
    assert.equal((await backedUp.ship({ data: directory })).manifest?.isBase, false);
    assert.deepEqual(recordsIn((await backedUp.restore()).directory), recordsIn(directory));
  });

  it('takes a restored log for another one, also where compaction has removed what would tell', async (t) => {
    const backedUp = await BackedUp.open(t);
    await backedUp.append('rows', [['a', '1']]);
    const { at } = await backedUp.ship();
    await backedUp.clock.advance(1_000);
    await backedUp.append('rows', [['given up', '1']]);
    await backedUp.ship();
    await backedUp.closeData();
    const { directory } = await backedUp.restore({ at });
    await backedUp.openData(directory);
    await backedUp.clock.advance(1_000);
    await backedUp.append('rows', [
      ['a', '2'],
      ['a', '3'],
    ]);
    await backedUp.clean();
    assert.equal((await backedUp.ship({ data: directory })).manifest?.isBase, true);
    const newest = recordsIn((await backedUp.restore()).directory);
    assert.deepEqual(tableOf(newest['rows/0']), { a: '3' });
  });

  for (const [what, rewritten] of [
    ['shorter', []],
    ['another of the same length', numbered(100, 104)],
  ] as const) {
    it(`begins a generation when the log was put back to an earlier copy, ${what}`, async (t) => {
      const backedUp = await BackedUp.open(t);
      await backedUp.append('events', numbered(0, 5));
      await backedUp.ship();
      await backedUp.closeData();
      const copy = join(backedUp.directory, 'copy');
      cpSync(backedUp.data, copy, { recursive: true });
      await backedUp.openData(backedUp.data);
      await backedUp.clock.advance(1_000);
      await backedUp.append('events', numbered(5, 9));
      await backedUp.ship();
      await backedUp.closeData();
      rmSync(backedUp.data, { recursive: true });
      cpSync(copy, backedUp.data, { recursive: true });
      await backedUp.openData(backedUp.data);
      await backedUp.clock.advance(1_000);
      await backedUp.append('events', rewritten);
      assert.equal((await backedUp.ship()).manifest?.isBase, true);
      assert.deepEqual(recordsIn((await backedUp.restore()).directory), recordsIn(backedUp.data));
    });
  }

  it('tells a topic that was made once more from the one before', async (t) => {
    const backedUp = await BackedUp.open(t);
    await backedUp.append('events', numbered(0, 5));
    const { at } = await backedUp.ship();
    const before = recordsIn(backedUp.data);
    await backedUp.clock.advance(1_000);
    await backedUp.log.deleteTopics(['events']);
    await backedUp.log.createTopics([EVENTS, { ...ROWS, name: 'others' }]);
    await backedUp.append('events', numbered(50, 58));
    await backedUp.ship();
    assert.deepEqual(recordsIn((await backedUp.restore()).directory), recordsIn(backedUp.data));
    assert.deepEqual(recordsIn((await backedUp.restore({ at })).directory), before);
  });
});
