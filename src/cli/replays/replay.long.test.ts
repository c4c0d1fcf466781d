import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { jsonLines } from '../testing/command-line.ts';
import { watched } from './testing/watched.ts';

const DAY_MS = 86_400_000;
const SHADOW = 'shadow-fix-1-watch-time';
const replay = ['replay', 'topology.ts', '--code', 'fixed', '--into', 'fix', '--json'];

/** Users with a view each of a length that the mistaken topology counts twice. */
const crowd = (n: number) => Array.from({ length: n }, (_, i) => [`user-${i % 50}`, 100, i] as const);

describe('replay', { concurrency: 2, timeout: 600_000 }, () => {
  it('runs other code from the log beside the live one, follows it, and goes on where it was paused', async (t) => {
    const world = watched(t);
    await world.watch(['ann', 30, 1], ['ann', 100, 2], ['bob', 50, 3]);
    const live = world.begin(['run', 'topology.ts', '--json']);
    await live.until(/"url"/);
    const first = world.begin(replay);
    await first.until(/"state":"ready"/);
    assert.deepEqual(
      await world.newest(SHADOW),
      new Map([
        ['ann', { seconds: 130, views: 2 }],
        ['bob', { seconds: 50, views: 1 }],
      ]),
    );
    const paused = await first.signal('SIGINT');
    assert.equal(paused.code, 0, paused.err);
    await world.watch(['bob', 70, 4]);
    const second = await world.run([...replay, '--once']);
    assert.equal(second.code, 0, second.err);
    assert.deepEqual(
      jsonLines(second.out).map(({ state, offsets }) => [state, offsets]),
      [
        ['resumed', undefined],
        ['ready', 4],
      ],
    );
    assert.deepEqual((await world.newest(SHADOW)).get('bob'), { seconds: 120, views: 2 });
    await live.signal('SIGINT');
    assert.deepEqual((await world.newest('watch-time')).get('ann'), { seconds: 230, views: 2 });
  });

  it('goes on after kill -9 from its own commits, exactly once', async (t) => {
    const world = watched(t);
    await world.watch(...crowd(40_000));
    const killed = world.begin([...replay, '--cpu', '0.2', '--set', 'engine.batchRecords=500']);
    await killed.until(/"state":"begun"/);
    for (let read = 0; read === 0; ) {
      const { out } = await world.print(['replay', 'list', '--json']);
      read = jsonLines<{ read: number }>(out)[0]?.read ?? 0;
    }
    await killed.signal('SIGKILL');
    const { code, err } = await world.run([...replay, '--cpu', '1', '--once']);
    assert.equal(code, 0, err);
    const totals = await world.newest(SHADOW);
    assert.equal(totals.size, 50);
    for (const total of totals.values()) assert.deepEqual(total, { seconds: 80_000, views: 800 });
  });

  it('stops before --to, and begins at --from', async (t) => {
    const world = watched(t);
    await world.watch(...[1, 2, 3, 4].map((day) => ['ann', 10 * day, day * DAY_MS] as const));
    const range = ['--from', '1970-01-03T00:00:00Z', '--to', '1970-01-05T00:00:00Z'];
    const { code, err } = await world.run([...replay, ...range]);
    assert.equal(code, 0, err);
    assert.deepEqual(await world.newest(SHADOW), new Map([['ann', { seconds: 50, views: 2 }]]));
  });

  it('refuses what the log does not have, and says what that is', async (t) => {
    const world = watched(t);
    await world.watch(['ann', 1, DAY_MS], ['bob', 1, DAY_MS]);
    const refused = async (args: readonly string[], problem: RegExp) => {
      const { code, out, err } = await world.run([...replay.slice(0, -1), ...args]);
      assert.deepEqual([code, out], [2, ''], err);
      assert.match(err, problem);
    };
    await refused(
      ['--from', '900'],
      /MR_REPLAY_RANGE: Offset 900 is not in views\/0.\nhint: It has offsets 0 to/,
    );
    await refused(['--from', 'yesterday'], /MR_REPLAY_RANGE: yesterday is neither an offset nor a time/);
    await refused(['--to', '1960-01-01'], /MR_REPLAY_RANGE: There are no records/);
    await refused(['--cpu', '2'], /MR_USAGE/);
    await refused(['--into', 'Fix-1'], /MR_REPLAY_UNKNOWN: Fix-1 is no name/);
    assert.deepEqual(jsonLines((await world.print(['replay', 'list', '--json'])).out), []);
    const other = await world.print(['replay', 'nothing', '--into', 'fix']);
    assert.match(other.err, /MR_USAGE: There is no topology nothing/);
  });

  it('refuses two operators, another range under one name, and a cancel while it runs', async (t) => {
    const world = watched(t);
    await world.watch(['ann', 1, 1]);
    const first = world.begin(replay);
    await first.until(/"state":"ready"/);
    const second = await world.run(replay.slice(0, -1));
    assert.equal(second.code, 2);
    assert.match(second.err, new RegExp(`MR_DATA_LOCKED: .* process ${first.pid} \\(replay fix\\)`));
    assert.match((await world.run(['replay', 'cancel', 'fix'])).err, /MR_DATA_LOCKED/);
    await first.signal('SIGINT');
    const different = await world.run([...replay.slice(0, -1), '--from', '1970-01-01T00:00:00Z']);
    assert.match(different.err, /MR_REPLAY_DIFFERENT: The replay fix was begun with range/);

    assert.equal((await world.run(['replay', 'cancel', 'fix'])).code, 0);
    const topics = await world.withLog((log) => log.describeTopics());
    assert.deepEqual(
      topics.filter(({ name }) => name.startsWith('shadow-')),
      [],
    );
    assert.match((await world.run(['replay', 'cancel', 'fix'])).err, /MR_REPLAY_UNKNOWN/);
    const again = await world.run([...replay, '--once']);
    assert.equal(again.code, 0, again.err);
    assert.deepEqual(await world.newest(SHADOW), new Map([['ann', { seconds: 1, views: 1 }]]));
  });

  it('hands a topology of another release to its own program', async (t) => {
    const world = watched(t);
    await world.watch(['ann', 1, 1]);
    mkdirSync(join(world.directory, 'release/bin'), { recursive: true });
    writeFileSync(join(world.directory, 'release/package.json'), '{"type":"module"}');
    const program = 'console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 7;';
    writeFileSync(join(world.directory, 'release/bin/millrace.js'), program);
    const { code, out } = await world.run(['replay', 'loop', '--code', 'release', '--into', 'fix']);
    assert.deepEqual([code, JSON.parse(out)], [7, ['replay', 'loop', '--into', 'fix']]);
    assert.match((await world.run(['replay', 'loop', '--code', 'fixed'])).err, /MR_USAGE: fixed has neither/);
  });
});
