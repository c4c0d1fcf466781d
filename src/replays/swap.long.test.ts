import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { TopologyBuilder, writeRecords } from '#engine';
import { json, jsonTopic } from '#engine/testing';
import { idleMember, openEmbeddedLog } from '#log';
import { systemClock } from '#platform';
import { eventually, ManualClock, temporaryDirectory } from '#platform/testing';
import { cancelReplay } from './cancel.ts';
import { type Definition, replayGroup, replaysTopic } from './definition.ts';
import { readInForce, requireOwnGeneration, topicInForce } from './in-force.ts';
import { type SwapOptions, swap } from './swap.ts';

const events = jsonTopic<number>('events', 1);
const rows = {
  ...jsonTopic<number>('rows', 1),
  cleanup: { policy: 'compact', tombstoneRetentionMs: 1 },
} as const;

function counting(generation = 1) {
  const builder = new TopologyBuilder({ name: 'counting', generation });
  builder.source(events).count('count', { value: json<number>() }).toStream().to(rows);
  return builder.build();
}

async function open(t: TestContext) {
  const directory = temporaryDirectory(t);
  const clock = new ManualClock(1_000);
  const log = await openEmbeddedLog({ directory, clock: systemClock });
  t.after(() => log.close());
  await log.createTopics([events, rows, replaysTopic]);
  const options = {
    log,
    clock,
    topology: counting(),
    code: 'a',
    keepMs: 500,
    adopts: false,
    takesPartial: false,
    alongside: [],
  };
  return {
    ...options,
    directory,
    put: async (name: string, changes: Partial<Definition> = {}) => {
      const starts = [{ topic: 'events', partition: 0, offset: 0 }];
      const made = { name, topology: 'counting', generation: 1, runs: 'loop', code: 'a', range: {} } as const;
      const value: Definition = { ...made, withArrival: false, starts, ends: [], begunMs: 1, ...changes };
      await writeRecords(log, replaysTopic, [{ key: name, value, timestamp: 1 }]);
      return value;
    },
    to: (to: SwapOptions['to'], changes: Partial<SwapOptions> = {}) => swap({ ...options, to, ...changes }),
    cancel: (name: string) => cancelReplay(log, join(directory, 'state'), name),
    inForce: async () => (await readInForce(log)).get('counting-1'),
  };
}

describe('swap', () => {
  it('names the topics that are read in place of the live ones, and what is kept for how long', async (t) => {
    const world = await open(t);
    await world.put('one');
    await world.put('two');
    const { isChanged, inForce } = await world.to({ shadow: 'one' });
    assert.equal(isChanged, true);
    assert.deepEqual(inForce.topics, { rows: 'shadow-one-1-rows' });
    assert.deepEqual(await world.inForce(), inForce);
    assert.equal(topicInForce(rows, await readInForce(world.log)).name, 'shadow-one-1-rows');
    assert.equal(topicInForce(events, await readInForce(world.log)).name, 'events');
    await world.clock.advance(10);
    assert.deepEqual((await world.to({ shadow: 'two' })).inForce.kept, [
      { shadow: 'one', code: 'a', untilMs: 1_510 },
    ]);
    assert.equal((await world.to({ shadow: 'two' })).isChanged, false);
    assert.equal((await world.to('back')).inForce.shadow, 'one');
    const back = (await world.to('back')).inForce;
    assert.deepEqual(
      [back.shadow, back.previous, back.kept.map((each) => each.shadow)],
      ['two', 'one', ['one']],
    );
  });

  it('a replay that is in force is not cancelled; one that was is forgotten', async (t) => {
    const world = await open(t);
    await world.put('one');
    await world.to({ shadow: 'one' });
    await assert.rejects(world.cancel('one'), { code: 'MR_SWAP_IN_FORCE' });
    await world.to('back');
    assert.equal((await world.inForce())?.kept.length, 1);
    await world.cancel('one');
    const { shadow, previous, kept } = (await world.inForce()) ?? {};
    assert.deepEqual([shadow, previous, kept], [null, null, []]);
    assert.equal((await world.to('back')).isChanged, false);
  });

  it('refuses other topologies, generations, code, parts of the log, and what is behind', async (t) => {
    const world = await open(t);
    const refused = async (name: string, definition: Partial<Definition>, code: string) => {
      await world.put(name, definition);
      await assert.rejects(world.to({ shadow: name }), { code });
    };
    await refused('a', { topology: 'other' }, 'MR_SWAP_OTHER');
    await refused('b', { generation: 2 }, 'MR_SWAP_OTHER');
    await refused('c', { code: 'b' }, 'MR_SWAP_OTHER_CODE');
    await refused('d', { range: { from: { offset: 0 } } }, 'MR_SWAP_PARTIAL');
    await refused('e', { starts: [{ topic: 'events', partition: 0, offset: 3 }] }, 'MR_SWAP_PARTIAL');
    await assert.rejects(world.to({ shadow: 'none' }), { code: 'MR_REPLAY_UNKNOWN' });
    await assert.rejects(world.to('back'), { code: 'MR_SWAP_NOTHING' });
    assert.equal(await world.inForce(), undefined);

    await writeRecords(world.log, events, [{ key: 'k', value: 1, timestamp: 1 }]);
    const behind = await world.put('f');
    const asked = world.to({ shadow: 'f' });
    const refusal = assert.rejects(asked, { code: 'MR_SWAP_BEHIND', message: /^f is behind: 1 of/ });
    let isSettled = false;
    void refusal.finally(() => {
      isSettled = true;
    });
    while (!isSettled) {
      await setImmediate();
      await world.clock.advance(20);
    }
    await refusal;
    const offsets = [{ topic: 'events', partition: 0, offset: 1 }];
    await world.log.commitOffsets(idleMember(replayGroup(behind)), offsets);
    assert.equal((await world.to({ shadow: 'f' })).isChanged, true);
  });

  it('rows that were adopted are those of the code that has adopted them', async (t) => {
    const world = await open(t);
    await world.put('one');
    assert.equal((await world.to({ shadow: 'one' }, { code: 'b', adopts: true })).inForce.code, 'b');
    await world.to('back');
    await assert.rejects(world.to('back'), { code: 'MR_SWAP_OTHER_CODE' });
    assert.equal((await world.to('back', { code: 'b' })).inForce.shadow, 'one');
  });

  it('of two operators at once the slower one is refused, and has done nothing', async (t) => {
    const world = await open(t);
    await writeRecords(world.log, events, [{ key: 'k', value: 1, timestamp: 1 }]);
    const read = async (name: string) => {
      const offsets = [{ topic: 'events', partition: 0, offset: 1 }];
      await world.log.commitOffsets(idleMember(replayGroup({ name, generation: 1 })), offsets);
    };
    await world.put('one');
    await world.put('two');
    await read('two');
    const first = world.to({ shadow: 'one' });
    await eventually(() => world.clock.sleeping !== 0);
    assert.equal((await world.to({ shadow: 'two' })).isChanged, true);
    await read('one');
    const refused = assert.rejects(first, { code: 'MR_SWAP_BUSY' });
    await world.clock.advance(100);
    await refused;
    assert.equal((await world.inForce())?.shadow, 'two');
  });

  it('a release of another generation is refused while a replay is in force', async (t) => {
    const world = await open(t);
    await requireOwnGeneration(world.log, counting(2));
    await world.put('one');
    await world.to({ shadow: 'one' });
    await requireOwnGeneration(world.log, counting(1));
    await assert.rejects(requireOwnGeneration(world.log, counting(2)), { code: 'MR_SWAP_OTHER_GENERATION' });
    await world.to('back');
    await requireOwnGeneration(world.log, counting(2));
  });
});
