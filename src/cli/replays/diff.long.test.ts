import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StoreDifference } from '#engine';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';
import { watched } from './testing/watched.ts';

const replay = ['replay', 'topology.ts', '--code', 'fixed', '--into', 'fix', '--once', '--json'];

describe('diff', { concurrency: 2, timeout: 600_000 }, () => {
  it('names exactly the rows that a mistake has harmed, and those that are in flight', async (t) => {
    const world = watched(t);
    await world.watch(['ann', 30, 1], ['ann', 100, 2], ['bob', 50, 3], ['cid', 61, 4]);
    await world.settle();
    assert.equal((await world.run(replay)).code, 0);
    const { code, out } = await world.print(['diff', 'topology.ts', 'fix', '--json']);
    assert.equal(code, 1);
    const found = jsonLines<StoreDifference>(out);
    const sum = (of: 'rows' | 'changed' | 'missing' | 'extra' | 'inFlight') =>
      found.reduce((total, each) => total + each[of], 0);
    assert.deepEqual(
      [sum('rows'), sum('changed'), sum('missing'), sum('extra'), sum('inFlight')],
      [3, 2, 0, 0, 0],
    );
    const examples = found.flatMap((each) => each.examples).sort((a, b) => (a.key < b.key ? -1 : 1));
    assert.deepEqual(examples, [
      { key: 'ann', kind: 'changed', fields: { seconds: [230, 130] } },
      { key: 'cid', kind: 'changed', fields: { seconds: [122, 61] } },
    ]);
    assert.deepEqual(
      found.map(({ digests: [a, b], changed }) => (a === b) === (changed === 0)),
      [true, true],
    );

    // The live copy goes on: what it has changed since the replay was paused says nothing.
    await world.watch(['ann', 5, 5], ['dan', 5, 6]);
    await world.settle();
    const after = jsonLines<StoreDifference>(
      (await world.print(['diff', 'topology.ts', 'fix', '--json'])).out,
    );
    const flying = after.reduce((total, each) => total + each.inFlight, 0);
    assert.deepEqual([flying, after.flatMap((each) => each.examples.map(({ key }) => key))], [2, ['cid']]);
  });

  it('is content where the code is the same', async (t) => {
    const world = watched(t);
    await world.watch(['ann', 30, 1], ['bob', 100, 2]);
    await world.settle();
    assert.equal((await world.run(['replay', 'topology.ts', '--once'])).code, 0);
    const { code, out } = await world.print(['diff', 'topology.ts', 'replay']);
    assert.equal(code, 0, out);
    assert.match((await world.print(['diff', 'topology.ts', 'other'])).err, /MR_REPLAY_UNKNOWN/);
  });

  it('finds the views of the product as they are live', async (t) => {
    const world = commandLine(t, smallWorld);
    const live = world.begin(['start']);
    await live.until(/^Serving +http:/m);
    const replayed = await world.run(['replay', 'loop', '--once', '--json', '--cpu', '1']);
    assert.equal(replayed.code, 0, replayed.err);
    const compared = async () => {
      const { code, out } = await world.print(['diff', 'loop', 'replay', '--json']);
      const found = jsonLines<StoreDifference>(out);
      const views = found.filter(({ store }) => /^(user|item)-views\/.*features$/.test(store));
      return { code, out, views };
    };
    let { code, out, views } = await compared();
    // The live copy goes on writing watermarks, which it may not have read itself yet.
    while (views.some(({ result }) => result === 'unknown')) ({ code, out, views } = await compared());
    assert.equal(views.length, 16, out);
    assert.deepEqual(
      views.filter(({ result }) => result !== 'equal'),
      [],
      out,
    );
    assert.ok(views.reduce((sum, { rows }) => sum + rows, 0) > 100);
    assert.ok(code === 0 || code === 1);
    assert.equal((await live.signal('SIGINT')).code, 0);
  });
});
