import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { eventually } from '#platform/testing';
import { redisServer } from '#servers';
import { interaction, openWorld, type TestWorld } from '../../testing/world.ts';
import { ownNamespace, redisViews } from './testing/redis-views.ts';

const users = Array.from({ length: 20 }, (_, i) => `user-${i}`);

describe('writers of views in processes of their own', { timeout: 120_000 }, () => {
  it('are killed at any moment, while they build and follow, and nothing is missing after it', async (t) => {
    const opened = await open(t);
    if (opened === undefined) return;
    const { world, views, start } = opened;
    for (let round = 0; round < 4; round++) {
      const killed = start('rebuild');
      await ready(killed);
      for (let i = 0; i < 1 + 2 * round; i++) await putUsers(world, i);
      killed.kill('SIGKILL');
      await once(killed, 'exit');
    }
    await ready(start());
    assert.deepEqual(await views.differences(), []);
    await putUsers(world, 1);
    await eventually(async () => (await views.differences()).length === 0);
  });

  it('are stopped for a while, and put no old row over a new one when they go on', async (t) => {
    const opened = await open(t);
    if (opened === undefined) return;
    const { world, views, start } = opened;
    const [stopped, other] = [start(), start()];
    await Promise.all([ready(stopped), ready(other)]);
    for (let round = 0; round < 3; round++) {
      // It has read some of this, or has sent it, or neither.
      const writing = putUsers(world, round);
      stopped.kill('SIGSTOP');
      await writing;
      await putUsers(world, round);
      await eventually(async () => (await views.differences()).length === 0);
      stopped.kill('SIGCONT');
      for (let i = 0; i < 50; i++) {
        assert.deepEqual(await views.differences(), []);
      }
    }
  });
});

async function open(t: TestContext) {
  const redis = await redisServer(t);
  if (redis === undefined) return undefined;
  const world = await openWorld(t);
  const url = ownNamespace(redis.url);
  const script = join(import.meta.dirname, 'testing', 'writer-process.ts');
  const start = (...more: string[]): ChildProcess => {
    const args = [script, join(world.dataDirectory, 'log'), url, ...more];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    return child;
  };
  return { world, views: await redisViews(t, world, url), start };
}

async function ready(child: ChildProcess): Promise<void> {
  const [output] = await Promise.race([
    once(child.stdout as NodeJS.ReadableStream, 'data'),
    once(child, 'exit').then(([code]) => [`ended with ${code}`]),
  ]);
  assert.equal(String(output), 'ready\n');
}

async function putUsers(world: TestWorld, round: number): Promise<void> {
  await Promise.all(users.map((id) => world.putUserRow(id, [interaction(id, `item-${round}`)])));
}
