/**
 * Processes with one and with two threads, on the embedded log and RocksDB, with standbys, killed (SIGKILL) at every step of
 * commit, restore and assignment and at random times, under load.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { createLogger, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { openEmbeddedLog } from '../../log/embedded/embedded-log.ts';
import { rocksDatabases } from '../../store/rocksdb/rocksdb-database.ts';
import { journalledSnapshot, placesOf } from '../../verify/journal-reader.ts';
import { checkLocalStores } from '../../verify/local-stores.ts';
import { compareSnapshots } from '../../verify/snapshot.ts';
import { verify } from '../../verify/verify.ts';
import { REBALANCE_FAILPOINTS, TASK_FAILPOINTS } from '../failpoints.ts';
import { Load, PARTITIONS, sums } from '../testing/sums.ts';
import { SumsProcess, type SumsProcessOptions } from './testing/sums-process.ts';

const RANDOM_KILLS = 2;

async function open(t: TestContext) {
  const directory = temporaryDirectory(t);
  const logger = createLogger({ level: 'silent', name: 'test' });
  const log = await openEmbeddedLog({ directory, clock: systemClock, logger, synchronous: 'normal' });
  const load = await Load.open(log);
  let isWriting = true;
  const writing = (async () => {
    while (isWriting) {
      await load.write(25);
      await load.read();
      await systemClock.sleep(20);
    }
  })();
  t.after(async () => {
    isWriting = false;
    await writing;
    await load.close();
    await log.close();
  });
  const launch = (instanceId: string, more: Partial<SumsProcessOptions> = {}) =>
    new SumsProcess(t, { directory, instanceId, standbys: 1, ...more });
  const running = async (instanceId: string) => {
    const started = launch(instanceId);
    await started.url;
    return started;
  };
  /** Ends the load, and checks outputs, journals and local stores once everything is committed. */
  const assertExact = async (processes: readonly SumsProcess[], instanceIds: readonly string[]) => {
    isWriting = false;
    await writing;
    await load.readAll();
    for (const each of processes) await each.stop();
    load.assertExact();
    const topology = sums();
    let records = 0;
    for await (const { task, difference, records: taken } of verify({ log, logger, topology })) {
      assert.deepEqual({ task, difference }, { task, difference: undefined });
      records += taken;
    }
    assert.equal(records, load.written);
    for (const instanceId of instanceIds) {
      const databases = rocksDatabases(join(directory, `state-${instanceId}`));
      for (const place of placesOf(topology)) {
        const local = await checkLocalStores(place, databases);
        if (local === undefined) continue;
        assert.deepEqual(local.damaged, []);
        const live = await journalledSnapshot(log, topology, place);
        assert.deepEqual(compareSnapshots(live ?? local.snapshot, local.snapshot).different, []);
      }
    }
  };
  return { load, launch, running, assertExact };
}

async function until(processes: readonly SumsProcess[], isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue().catch(() => false))) {
    for (const each of processes) each.assertRuns();
    await systemClock.sleep(20);
  }
}

type Status = readonly { readonly tasks: readonly { readonly name: string; readonly state: string }[] }[];

/** How many tasks run in a process. */
async function tasksIn(process: SumsProcess): Promise<number> {
  const response = await fetch(`${await process.url}/tasks`);
  const status = (await response.json()) as Status;
  return status.flatMap(({ tasks }) => tasks).filter(({ state }) => state === 'running').length;
}

it('kill -9 at every failpoint and at random times, under load, loses and repeats nothing', async (t) => {
  const { launch, running, assertExact } = await open(t);
  let steady: SumsProcess | undefined;
  for (const failpoint of REBALANCE_FAILPOINTS) {
    const victim = launch('victim', { failpoints: `${failpoint}=kill` });
    // Its own threads may have taken tasks from each other already; a process that comes takes half of them.
    await Promise.race([victim.url.catch(() => {}), victim.exit]);
    steady = launch('steady');
    assert.deepEqual(await victim.exit, [null, 'SIGKILL'], failpoint);
  }
  for (const failpoint of TASK_FAILPOINTS) {
    const isStart = failpoint.startsWith('restore') || failpoint.startsWith('assignment');
    const victim = launch('victim', { threads: 1, failpoints: `${failpoint}=kill@${isStart ? 1 : 3}` });
    assert.deepEqual(await victim.exit, [null, 'SIGKILL'], failpoint);
  }
  for (let kill = 0; kill < RANDOM_KILLS; kill++) {
    const victim = launch('victim');
    if (kill % 2 === 0) await victim.url;
    const delayMs = Math.random() * 400;
    t.diagnostic(`killed ${delayMs.toFixed(1)} ms after ${kill % 2 === 0 ? 'it ran' : 'its start'}`);
    await systemClock.sleep(delayMs);
    await victim.kill();
  }
  await steady?.kill();
  const processes = [await running('steady'), await running('victim')];
  await assertExact(processes, ['steady', 'victim']);
});

it('a process that stands still beyond its session is fenced: what it commits late is refused', async (t) => {
  const { running, assertExact } = await open(t);
  const steady = await running('steady');
  const zombie = await running('zombie');
  await until([steady, zombie], async () => (await tasksIn(zombie)) > 1);
  for (let isTaken = false; !isTaken; ) {
    zombie.signal('SIGSTOP');
    const waited = new AbortController();
    const taken = until(
      [steady],
      async () => waited.signal.aborted || (await tasksIn(steady)) === PARTITIONS,
    ).then(() => true);
    // It may have been stopped while it held the log's lock: then nobody goes on, and it has to be let go.
    isTaken = await Promise.race([taken, systemClock.sleep(8_000, waited.signal).then(() => false)]);
    waited.abort();
    zombie.signal('SIGCONT');
  }
  // It joins anew and is given tasks again.
  await until([steady, zombie], async () => (await tasksIn(zombie)) > 1);
  await assertExact([zombie, steady], ['steady', 'zombie']);
});
