import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { writeRecords } from '#engine';
import { systemClock, watchFailpoints } from '#platform';
import { collectOld } from './collect.ts';
import { openRegistryWorld, type RegistryWorld } from './testing/registry-world.ts';
import { runAtWork } from './testing/run-at-work.ts';

/** Collects with none kept but those in use and the newest of each status. */
const collected = (world: RegistryWorld) =>
  collectOld({
    ...world,
    rule: { keep: 1, keepDays: 0 },
    patienceMs: world.asking.patienceMs,
    signal: new AbortController().signal,
  });

describe('collecting old versions', { timeout: 120_000 }, () => {
  it('goes by itself: what is in force, what a rollback returns to, and what a run begins with stay', async (t) => {
    const world = await openRegistryWorld(t);
    const versions: string[] = [];
    for (let i = 0; i < 5; i++) versions.push((await world.promoted()).version);
    const [base = ''] = versions;
    const open = { ...runAtWork('refreshing', 's'), base };
    await writeRecords(world.log, world.topics.runs, [{ key: open.run_id, value: open, timestamp: 1 }]);
    await collected(world);
    assert.deepEqual(await world.artifacts.list(), [base, ...versions.slice(-2)].sort());
    const over = { ...open, status: 'succeeded' } as const;
    await writeRecords(world.log, world.topics.runs, [{ key: open.run_id, value: over, timestamp: 2 }]);
    await collected(world);
    assert.deepEqual(await world.artifacts.list(), versions.slice(-2).sort());
    assert.match(await world.metrics.render(), /versions_collected_total 3/);
  });

  it('takes what no event names after a day, unless a run may publish it, or is told to have', async (t) => {
    const world = await openRegistryWorld(t);
    const { log, topics, artifacts, dataDirectory } = world;
    const left = async (daysAgo: number) => {
      const { version, ...rest } = await world.stored();
      const written = systemClock.now() / 1000 - daysAgo * 86_400;
      utimesSync(join(dataDirectory, rest.directory), written, written);
      return version;
    };
    const statuses = ['cancelled', 'running', 'succeeded'] as const;
    const [cancelled = '', ...runs] = await Promise.all(statuses.map(() => left(2)));
    for (const [n, version] of [cancelled, ...runs].entries()) {
      const run = {
        ...runAtWork(`run-${n}`, 's'),
        status: statuses[n] as (typeof statuses)[number],
        version,
      };
      await writeRecords(log, topics.runs, [{ key: run.run_id, value: run, timestamp: 1 }]);
    }
    const [nobodys, young] = [await left(2), await left(0.9)];
    const beingWritten = 'feedfeedfeedfeed';
    mkdirSync(join(dataDirectory, 'versions', `.partial-${beingWritten}`));
    await collected(world);
    assert.equal((await artifacts.list()).length, 6, 'the log of these versions is another one');
    const { version: inForce } = await world.promoted();
    await collected(world);
    const kept = [...runs, young, beingWritten, inForce];
    assert.deepEqual(await artifacts.list(), kept.toSorted());
    assert.ok(![cancelled, nobodys].some((version) => kept.includes(version)));
    assert.match(await world.metrics.render(), /versions_collected_total 2/);
  });

  it('is completed by the next pass when it was cut off', async (t) => {
    const world = await openRegistryWorld(t);
    const versions: string[] = [];
    for (let i = 0; i < 4; i++) versions.push((await world.promoted()).version);
    t.after(() => watchFailpoints(undefined));
    let cuts = 0;
    watchFailpoints((name) => {
      if (name !== 'versions.collect.archived' || cuts++ > 0) return;
      throw new Error('cut off');
    });
    await assert.rejects(collected(world), { message: 'cut off' });
    const [first] = (await world.registry()).versions;
    assert.equal(first?.latest.status, 'archived');
    assert.deepEqual(await world.artifacts.list(), versions.toSorted(), 'the files are still there');
    await collected(world);
    assert.deepEqual(await world.artifacts.list(), versions.slice(-2).sort());
    // As one leaves it that was killed while it removed the files.
    const directory = join(world.dataDirectory, 'versions');
    await world.promoted();
    const [, , cut = ''] = versions;
    renameSync(join(directory, cut), join(directory, `.partial-${cut}`));
    await collected(world);
    await collected(world);
    assert.deepEqual(readdirSync(directory).length, 2);
  });
});
