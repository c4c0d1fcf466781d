import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { openEmbeddedLog } from '#log';
import { createLogger, systemClock } from '#platform';
import { eventually, temporaryDirectory } from '#platform/testing';
import { type StoreAnswer, StoreQueries } from '../../queries/store-queries.ts';
import { rocksDatabases } from '../../store/rocksdb/rocksdb-database.ts';
import { placesOf } from '../../verify/journal-reader.ts';
import { checkLocalStores } from '../../verify/local-stores.ts';
import { Load, PARTITIONS, sums } from '../testing/sums.ts';
import type { SumsData } from './fixtures/sums-thread.ts';
import { runOnThreads, type StreamThreads, type ThreadsOptions } from './run-on-threads.ts';
import { SumsProcess } from './testing/sums-process.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const module = new URL('./fixtures/sums-thread.ts', import.meta.url);
/** Several seconds of commits, one after the other. */
const MOST_COMMITS = 10_000;

async function open(t: TestContext) {
  const directory = temporaryDirectory(t);
  const log = await openEmbeddedLog({ directory, clock: systemClock, logger, synchronous: 'normal' });
  t.after(() => log.close());
  const load = await Load.open(log);
  const start = (data: Partial<SumsData>, options: Partial<ThreadsOptions> = {}) =>
    runOnThreads({
      module,
      threads: 2,
      instanceId: 'one',
      data: { directory, state: 'state', ...data },
      connect: () => log.connect(),
      logger,
      ...options,
    });
  return { directory, load, start };
}

const running = async (threads: StreamThreads) =>
  (await threads.status()).map(({ tasks }) => tasks.filter(({ state }) => state === 'running').length);

it('two threads share the tasks, and end when they are told, with everything committed', async (t) => {
  const { load, start } = await open(t);
  await load.write(1_000);
  const threads = await start({});
  await eventually(async () => (await running(threads)).every((count) => count === PARTITIONS / 2));
  await load.write(1_000);
  await load.readAll();
  assert.deepEqual(
    (await threads.status()).map(({ memberId }) => memberId),
    ['one-0', 'one-1'],
  );
  await threads.stop();
  assert.deepEqual(await threads.status(), []);
  load.assertExact();
});

for (const count of [1, 2]) {
  it(`${count === 1 ? 'one thread catches' : 'two threads catch'} up with what was there when asked, however much comes after it`, async (t) => {
    const { load, start } = await open(t);
    await load.write(2_000);
    const threads = await start({ regroups: true }, { threads: count });
    const { written } = load;
    let isCaughtUp = false;
    const catchingUp = threads.untilCaughtUp().then(() => {
      isCaughtUp = true;
    });
    // Each round of the threads finds something that the one before it did not.
    let commits = 0;
    while (!isCaughtUp && commits++ < MOST_COMMITS) await load.write(1);
    assert.ok(isCaughtUp, `not caught up after ${MOST_COMMITS} commits`);
    await catchingUp;
    await load.readToEnd();
    assert.ok(load.outputs.length >= written, `${load.outputs.length} of ${written} records are counted`);
    await threads.stop();
  });
}

it('a thread that fails leaves its tasks to the other', async (t) => {
  const { load, start } = await open(t);
  const threads = await start({ fails: 'one-1', sessionMs: 3_000 }, { onFailure: 'go-on' });
  await load.write(500);
  await eventually(async () => (await running(threads)).join() === String(PARTITIONS));
  await load.readAll();
  await threads.stop();
  load.assertExact();
});

it('a thread’s failure stops the others and is told, unless they are to go on', async (t) => {
  const { load, start } = await open(t);
  const threads = await start({ fails: 'one-1', sessionMs: 3_000 });
  await load.write(500);
  await assert.rejects(threads.done, /one-1 fails as it was told to/);
  assert.deepEqual(await threads.status(), []);
  const missing = new URL('./fixtures/no-such-file.ts', import.meta.url);
  await assert.rejects(start({}, { module: missing }), /no-such-file/);
  await assert.rejects(start({}, { threads: 0 }), { code: 'MR_THREADS_INVALID' });
});

it('processes that come, are killed and come back lose and repeat nothing', async (t) => {
  const { directory, load } = await open(t);
  const launch = (instanceId: string) => SumsProcess.running(t, { directory, instanceId, sessionMs: 3_000 });
  const first = await launch('first');
  let isWriting = true;
  const writing = (async () => {
    while (isWriting) {
      await load.write(50);
      await load.read(5);
    }
  })();
  const second = await launch('second');
  await first.kill();
  const again = await launch('first');
  await second.stop();
  isWriting = false;
  await writing;
  await load.readAll();
  await again.stop();
  load.assertExact();
});

it('threads that are told to stop while they restore give it up', async (t) => {
  const { directory, load, start } = await open(t);
  const threads = await start({});
  for (let commit = 0; commit < 40; commit++) {
    await load.write(60);
    await load.readAll();
  }
  await threads.stop();
  const stop = new AbortController();
  const starting = start({ state: 'elsewhere', writeMs: 5_000 }, { signal: stop.signal });
  await systemClock.sleep(1_000);
  stop.abort();
  await (await starting).done;
  const elsewhere = rocksDatabases(join(directory, 'elsewhere'));
  for (const place of placesOf(sums())) {
    const left = await checkLocalStores(place, elsewhere);
    assert.deepEqual(left?.snapshot.offsets ?? {}, {}, `${place.name} was not restored to its end`);
  }
  const again = await start({});
  await load.write(100);
  await load.readAll();
  await again.stop();
  load.assertExact();
});

const sumsOf = (entries: readonly { readonly key: string; readonly value: unknown }[]) =>
  new Map(entries.map(({ key, value }) => [key, value]));

it('queries reach the tasks of all threads of the process', async (t) => {
  const { load, start } = await open(t);
  const threads = await start({});
  await eventually(async () => (await running(threads)).every((count) => count === PARTITIONS / 2));
  await load.write(1_000);
  await load.readAll();
  const queries = new StoreQueries(queriesOf(threads));
  const expected = new Map(load.outputs);
  const whole = await queries.query('sum/state', { kind: 'range' });
  assert.deepEqual(sumsOf(whole.entries), new Map([...expected].sort()));
  assert.deepEqual(
    whole.copies.map(({ partition, role }) => [partition, role]),
    Array.from({ length: PARTITIONS }, (_, partition) => [partition, 'active']),
  );
  const taken = Object.values(whole.position.input ?? {});
  assert.equal(
    taken.reduce((sum, offset) => sum + offset, 0),
    1_000,
  );
  for (const [key, value] of expected) {
    const { entries, copies } = await queries.query('sum/state', { kind: 'key', key });
    assert.deepEqual(sumsOf(entries), new Map([[key, value]]));
    assert.equal(copies.length, 1);
  }
  const prefixed = await queries.query('sum/state', { kind: 'prefix', prefix: 'k1' });
  assert.equal(prefixed.entries.length, 11);
  assert.deepEqual([...(await threads.owners()).keys()].length, PARTITIONS);
  const counted = (await threads.status()).flatMap(({ tasks }) =>
    tasks.flatMap(({ operators }) => operators),
  );
  const through = counted.filter(({ operator }) => operator === 'sum').map(({ in: taken }) => taken);
  assert.equal(
    through.reduce((sum, each) => sum + each, 0),
    1_000,
  );
  await threads.stop();
  const stopped = new StoreQueries({ ...queriesOf(threads), patienceMs: 0 });
  await assert.rejects(stopped.query('sum/state', { kind: 'key', key: 'k1' }), {
    code: 'MR_QUERY_TASK_MOVING',
    remedy: 'retry',
  });
});

const queriesOf = (threads: StreamThreads) => ({
  topology: sums(),
  memberId: 'one',
  local: threads.tasks,
  owners: () => threads.owners(),
  peers: { read: () => Promise.reject(new Error('there is no peer')) },
  clock: systemClock,
});

it('queries over HTTP reach the threads of every process, standbys when asked', async (t) => {
  const { directory, load } = await open(t);
  const launch = (instanceId: string) => SumsProcess.running(t, { directory, instanceId, standbys: 1 });
  const processes = [await launch('first'), await launch('second')];
  await load.write(1_000);
  await load.readAll();
  const expected = new Map([...new Map(load.outputs)].sort());
  type Answer = { readonly entries: readonly { key: string; value: unknown }[] } & Pick<
    StoreAnswer,
    'copies'
  >;
  for (const { url } of processes) {
    const ask = async (parameters: string): Promise<Answer | undefined> => {
      for (const each of processes) each.assertRuns();
      const response = await fetch(`${await url}/stores/sum/state?${parameters}`);
      return response.ok ? ((await response.json()) as Answer) : undefined;
    };
    const isWhole = (answer: Answer | undefined) =>
      answer !== undefined && isDeepStrictEqual(sumsOf(answer.entries), expected);
    let whole = await ask('');
    await eventually(async () => {
      whole = await ask('');
      return isWhole(whole) && membersOf(whole).size === 3;
    });
    assert.ok(whole?.copies.every(({ role }) => role === 'active'));
    assert.deepEqual(
      (await ask('key=k7'))?.entries.map(({ value }) => value),
      [expected.get('k7')],
    );
    let copy = await ask('staleness=standby');
    await eventually(async () => {
      copy = await ask('staleness=standby');
      return isWhole(copy) && (copy?.copies.every(({ role }) => role === 'standby') ?? false);
    });
  }
  for (const each of processes) await each.stop();
});

/** A task of the process that was asked is the process's, others are named by their thread. */
const membersOf = (answer: Pick<StoreAnswer, 'copies'> | undefined) =>
  new Set(answer?.copies.map(({ memberId }) => memberId));
