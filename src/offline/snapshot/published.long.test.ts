import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLogger, systemClock } from '#platform';
import { registryOf } from '#processors';
import type { Candidate, Example, Snapshot, Version, VersionStatus } from '#schemas';
import {
  comparedWith,
  readSnapshots,
  removableSnapshots,
  removeSnapshots,
  STATISTICS_FILE,
} from './published.ts';
import { takeSnapshot } from './snapshot.ts';
import {
  announce,
  example,
  fillSmallWorld,
  MINUTE_MS,
  type SmallWorld,
  smallWorld,
  startMs,
  write,
  writeExamples,
} from './testing/small-world.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const clock = systemClock;

const publish = ({ log, topics }: SmallWorld, ...snapshots: Snapshot[]) =>
  write(log, topics.snapshots, snapshots, ({ snapshot_id }) => snapshot_id);

const version = (snapshotId: string, status: VersionStatus = 'promoted'): Version => {
  const metrics = {};
  const candidate: Candidate = {
    version: `v-${snapshotId}`,
    snapshot_id: snapshotId,
    model: 'two-tower',
    directory: 'versions/v',
    dimension: 8,
    items: 1,
    protocol: 'p',
    metrics,
    popularity: metrics,
    decayed_popularity: metrics,
    role: 'retrieval',
    run_id: null,
    intervals: {},
    sizes: {},
    production: null,
  };
  return {
    version: candidate.version,
    status,
    ts: 1,
    command_id: 'c',
    reason: null,
    candidate,
    actor: null,
    previous: null,
    gates: [],
  };
};

test('drift is measured against the newest that is not suspect, or that was trained on nevertheless', async (t) => {
  const opened = await smallWorld(t);
  await fillSmallWorld(opened);
  const first = await takeSnapshot({ ...opened, clock, logger });
  const id = first.snapshot_id;
  const compared = async (except = 'new') =>
    (await comparedWith({ ...opened, logger }, except))?.snapshot.snapshot_id;
  assert.equal(await compared(), undefined);
  await publish(opened, first);
  assert.equal(await compared(), id);
  assert.equal(await compared(id), undefined, 'a snapshot is not measured by itself');
  await publish(opened, { ...first, snapshot_id: 'odd', suspect: ['x: why'] });
  assert.equal(await compared(), id);
  await write(opened.log, opened.topics.versions, [version('odd')], (each) => each.version);
  assert.equal(await compared(), 'odd');
  await publish(opened, { ...first, snapshot_id: 'gone', directory: 'snapshots/gone' });
  assert.equal(await compared(), 'odd', 'of the newest there are no statistics');
  writeFileSync(join(opened.dataDirectory, first.directory, STATISTICS_FILE), '{"columns":[]}');
  assert.equal(await compared(), undefined, 'damaged ones are no measure');
});

test('a shift of the examples makes the next snapshot suspect, and those after it', async (t) => {
  const opened = await smallWorld(t);
  const examples = (count: number, from: number, change: (each: Example, i: number) => Example) =>
    Array.from({ length: count }, (_, n) => {
      const i = from + n;
      return change(example(`u${i % 24}`, `i${i % 30}`, startMs + i * MINUTE_MS), i);
    });
  await writeExamples(
    opened,
    examples(600, 0, (each, i) => ({ ...each, item: { ...each.item, popularity: i % 50 } })),
  );
  await announce(opened, startMs + 600 * MINUTE_MS);
  const first = await takeSnapshot({ ...opened, clock, logger });
  assert.deepEqual([first.compared_with, first.suspect], [null, []]);
  await publish(opened, first);
  await writeExamples(
    opened,
    examples(600, 600, (each, i) => ({
      ...each,
      profile: null,
      item: { ...each.item, popularity: 1000 + (i % 50) },
    })),
  );
  await announce(opened, startMs + 1200 * MINUTE_MS);
  const second = await takeSnapshot({ ...opened, clock, logger });
  assert.equal(second.compared_with, first.snapshot_id);
  const reasons = second.suspect.filter((reason) => /^(item_popularity|profile_age):/.test(reason));
  assert.match(
    reasons.join(),
    /^profile_age: 50.0% of the values are missing, 0.0% were,item_popularity: PSI [\d.]+ is above 0.25,item_popularity: KS 0.5\d\d is above 0.25$/,
  );
  assert.ok(
    !second.suspect.some((reason) => reason.startsWith('event_id') || reason.startsWith('user_events')),
  );
  await publish(opened, second);
  const limits = { maxPsi: 99, maxKs: 1, maxMissingIncrease: 1 };
  const lenient = await takeSnapshot({ ...opened, clock, logger, limits });
  assert.deepEqual([lenient.snapshot_id, lenient.compared_with], [second.snapshot_id, first.snapshot_id]);
  assert.deepEqual(lenient.suspect, []);
});

test('kept are the newest, what the version in force and the one before were trained on, and what others are measured by', async (t) => {
  const ids = (snapshots: readonly Snapshot[]) => snapshots.map(({ snapshot_id }) => snapshot_id);
  const snapshot = (id: string, suspect: string[] = []) => ({ snapshot_id: id, suspect }) as Snapshot;
  const all = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => snapshot(id));
  assert.deepEqual(ids(removableSnapshots(all, registryOf([]), 2)), ['a', 'b', 'c', 'd']);
  assert.deepEqual(ids(removableSnapshots(all, registryOf([version('b'), version('d', 'rejected')]), 2)), [
    'a',
    'c',
    'd',
  ]);
  assert.deepEqual(ids(removableSnapshots(all, registryOf([version('b'), version('c')]), 9)), []);
  const back = [version('a'), version('b'), version('d'), version('d', 'rolled_back'), version('c')];
  assert.deepEqual(
    ids(removableSnapshots(all, registryOf(back), 1)),
    ['a', 'd', 'e'],
    'a rollback returns to b',
  );
  const odd = all.map(({ snapshot_id: id }) => snapshot(id, id > 'b' ? ['x: why'] : []));
  assert.deepEqual(ids(removableSnapshots(odd, registryOf([]), 1)), ['a', 'c', 'd', 'e']);

  const opened = await smallWorld(t);
  await fillSmallWorld(opened);
  const taken = await takeSnapshot({ ...opened, clock, logger });
  await publish(opened, taken);
  assert.deepEqual(ids(await readSnapshots(opened)), [taken.snapshot_id]);
  await removeSnapshots(opened, [taken]);
  assert.ok(!existsSync(join(opened.dataDirectory, taken.directory)));
  await removeSnapshots(opened, [taken]);
  rmSync(join(opened.dataDirectory, 'snapshots'), { recursive: true });
});
