/** Processes that promise at least once, killed (SIGKILL) under load. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { kafkaServer } from '#servers';
import { killedInTurn } from '../../task/threads/testing/faults.ts';
import { openOnKafka } from './kafka-world.ts';

const KILLS = 4;

it('at least once, kill -9 under load loses nothing', { timeout: 600_000 }, async (t) => {
  const kafka = await kafkaServer(t);
  if (kafka === undefined) return;
  const world = await openOnKafka(t, kafka, { defaults: { threads: 1, guarantee: 'at-least-once' } });
  for (const failpoint of ['commit.log.before', 'commit.log.after', 'commit.store.before']) {
    const victim = world.launch('one', { failpoints: `${failpoint}=kill@3` });
    assert.deepEqual(await victim.exit, [null, 'SIGKILL'], failpoint);
  }
  await world.assertNothingLost(await killedInTurn(t, world, ['one', 'two'], KILLS));
});
