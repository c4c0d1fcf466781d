import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { writeRecords } from '#engine';
import { jsonTopic } from '#engine/testing';
import { idleMember } from '#log';
import { type Definition, type InForce, readInForce, readReplays, replayGroup } from '#replays';
import { LOOP_GENERATION } from '#topologies';
import { KeptReplays } from './kept-replays.ts';
import { installed } from './testing/installed.ts';

const OF = `loop-${LOOP_GENERATION}`;
const CLEANUP = { policy: 'compact', tombstoneRetentionMs: 86_400_000 } as const;

/** Replays by other code than this, so that none of them is run here, with a topic and a directory of stores each. */
async function withReplays(t: TestContext, ...names: readonly string[]) {
  const { installation } = await installed(t);
  const { log, directory, metrics } = installation;
  const [replays, swaps] = [jsonTopic<Definition>('replays', 1), jsonTopic<InForce>('swaps', 1)].map(
    (topic) => ({ ...topic, cleanup: CLEANUP }),
  ) as [ReturnType<typeof jsonTopic<Definition>>, ReturnType<typeof jsonTopic<InForce>>];
  await log.createTopics([replays, swaps]);
  const stores = (name: string) => join(directory, 'state', groupOf(name));
  for (const name of names) {
    const starts = [{ topic: 'interactions', partition: 0, offset: 0 }];
    const value: Definition = {
      ...{ name, topology: 'loop', generation: LOOP_GENERATION, runs: 'loop', code: 'other', range: {} },
      ...{ withArrival: false, starts, ends: [], begunMs: 1 },
    };
    await writeRecords(log, replays, [{ key: name, value, timestamp: 1 }]);
    await log.createTopics([{ name: `${groupOf(name)}-user-features-2`, partitions: 1, cleanup: CLEANUP }]);
    await log.commitOffsets(idleMember(groupOf(name)), starts);
    mkdirSync(stores(name), { recursive: true });
  }
  return {
    keep: async (value: InForce) => {
      await writeRecords(log, swaps, [{ key: value.of, value, timestamp: 1 }]);
      await new KeptReplays(installation).keep(await readInForce(log), new AbortController().signal);
    },
    inForce: async () => (await readInForce(log)).get(OF),
    replays: async () => (await readReplays(log)).map(({ name }) => name),
    topicsOf: async (name: string) =>
      (await log.describeTopics()).filter((topic) => topic.name.startsWith(`${groupOf(name)}-`)).length,
    stores: (name: string) => existsSync(stores(name)),
    metrics: () => metrics.render(),
  };
}

const groupOf = (name: string) => replayGroup({ name, generation: LOOP_GENERATION });

it('a replay whose time is over is removed with all that it has made; one in force and one kept still are not', async (t) => {
  const world = await withReplays(t, 'used', 'young', 'old');
  const later = Date.now() + 86_400_000;
  const value: InForce = {
    ...{ of: OF, shadow: 'used', topics: {}, code: 'one', sinceMs: 1, previous: 'old' },
    kept: [
      { shadow: 'young', code: 'one', untilMs: later },
      { shadow: 'old', code: 'one', untilMs: 1 },
    ],
  };
  await world.keep(value);
  assert.deepEqual((await world.replays()).sort(), ['used', 'young']);
  assert.deepEqual([await world.topicsOf('old'), world.stores('old')], [0, false]);
  for (const name of ['used', 'young'])
    assert.deepEqual([await world.topicsOf(name), world.stores(name)], [1, true]);
  // Nobody can go back to it.
  const { previous, kept, shadow } = (await world.inForce()) ?? assert.fail();
  assert.deepEqual([shadow, previous, kept.map((each) => each.shadow)], ['used', null, ['young']]);
  assert.match(await world.metrics(), /copy_stands_still\{shadow="used"\} 1/);
  assert.match(await world.metrics(), /copy_stands_still\{shadow="young"\} 0/);
});

it('a replay that is in force again stays, whatever was said of its time before', async (t) => {
  const world = await withReplays(t, 'used');
  const kept = [{ shadow: 'used', code: 'one', untilMs: 1 }];
  await world.keep({ of: OF, shadow: 'used', topics: {}, code: 'one', sinceMs: 1, previous: null, kept });
  assert.deepEqual(await world.replays(), ['used']);
  assert.deepEqual([await world.topicsOf('used'), world.stores('used')], [1, true]);
});
