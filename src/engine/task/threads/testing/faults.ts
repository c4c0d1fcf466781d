/** What befalls processes under load, on any log; what must hold afterwards, SumsWorld checks. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { systemClock } from '#platform';
import { testSeed } from '#platform/testing';
import { Random } from '../../../testing/simulation/random.ts';
import { REBALANCE_FAILPOINTS, TASK_FAILPOINTS } from '../../failpoints.ts';
import { PARTITIONS } from '../../testing/sums.ts';
import { type SumsProcess, until } from './sums-process.ts';
import type { SumsWorld } from './sums-world.ts';

/** Kills a process at each step of commit, restore and assignment, and at each of `more`. */
export async function killedAtEveryStep(world: SumsWorld, more: readonly string[] = []): Promise<void> {
  let steady: SumsProcess | undefined;
  for (const failpoint of REBALANCE_FAILPOINTS) {
    const victim = world.launch('victim', { failpoints: `${failpoint}=kill` });
    // Its own threads may have taken tasks from each other already; a process that comes takes half of them.
    await Promise.race([victim.url.catch(() => {}), victim.exit]);
    steady = world.launch('steady');
    assert.deepEqual(await victim.exit, [null, 'SIGKILL'], failpoint);
  }
  for (const failpoint of [...TASK_FAILPOINTS, ...more]) {
    const isStart = failpoint.startsWith('restore') || failpoint.startsWith('assignment');
    const victim = world.launch('victim', { threads: 1, failpoints: `${failpoint}=kill@${isStart ? 1 : 3}` });
    assert.deepEqual(await victim.exit, [null, 'SIGKILL'], failpoint);
  }
  await steady?.kill();
}

/** Kills a process `kills` times, every other time while it starts, the others while it runs. */
export async function killedAtRandom(t: TestContext, world: SumsWorld, kills: number): Promise<void> {
  const random = new Random(testSeed);
  for (let kill = 0; kill < kills; kill++) {
    const victim = world.launch('victim');
    const isStarting = kill % 2 === 1;
    if (!isStarting) await victim.url;
    const delayMs = random.next() * 400;
    t.diagnostic(`killed ${delayMs.toFixed(1)} ms after ${isStarting ? 'its start' : 'it ran'}`);
    await systemClock.sleep(delayMs);
    await victim.kill();
  }
}

/**
 * Kills one or the other of two processes `kills` times: while they work, now and then once more while it starts again, and
 * now and then leaving all the work to the survivor for a while. Gives them as they run at the end.
 */
export async function killedInTurn(
  t: TestContext,
  world: SumsWorld,
  instanceIds: readonly [string, string],
  kills: number,
): Promise<readonly SumsProcess[]> {
  const processes = instanceIds.map((instanceId) => world.launch(instanceId));
  const random = new Random(testSeed);
  let turn = 0;
  for (let kill = 1; kill <= kills; kill++) {
    const isStarting = kill % 4 === 0;
    if (!isStarting) turn = 1 - turn;
    const [victim, survivor] = [processes[turn], processes[1 - turn]] as [SumsProcess, SumsProcess];
    if (!isStarting) {
      await Promise.all([victim.url, survivor.url]);
      await until([victim, survivor], async () => (await victim.runningTasks()) > 0);
    }
    const delayMs = random.next() * (isStarting ? 1_500 : 400);
    await systemClock.sleep(delayMs);
    await victim.kill();
    t.diagnostic(`${instanceIds[turn]} killed, ${isStarting ? 'as it started' : 'as it worked'}`);
    if (kill % 5 === 0) await until([survivor], async () => (await survivor.runningTasks()) === PARTITIONS);
    processes[turn] = world.launch(instanceIds[turn] as string);
  }
  await Promise.all(processes.map(({ url }) => url));
  return processes;
}

/**
 * Stops a process for longer than its session, until another has its tasks, and lets it go on; anew where nobody has taken
 * them within `patienceMs`. Gives both processes when the one that was stopped has got tasks again.
 */
export async function standsStill(world: SumsWorld, patienceMs: number): Promise<readonly SumsProcess[]> {
  const steady = await world.running('steady');
  const zombie = await world.running('zombie');
  await until([steady, zombie], async () => (await zombie.runningTasks()) > 1);
  for (let isTaken = false; !isTaken; ) {
    zombie.signal('SIGSTOP');
    const waited = new AbortController();
    const taken = until(
      [steady],
      async () => waited.signal.aborted || (await steady.runningTasks()) === PARTITIONS,
    ).then(() => true);
    isTaken = await Promise.race([taken, systemClock.sleep(patienceMs, waited.signal).then(() => false)]);
    waited.abort();
    zombie.signal('SIGCONT');
  }
  // It rejoins and is given tasks again.
  await until([steady, zombie], async () => (await zombie.runningTasks()) > 1);
  return [steady, zombie];
}
