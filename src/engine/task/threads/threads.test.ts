import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { createLogger, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { openEmbeddedLog } from '../../log/embedded/embedded-log.ts';
import { Load, PARTITIONS } from '../testing/sums.ts';
import type { SumsData } from './fixtures/sums-thread.ts';
import { runOnThreads, type StreamThreads, type ThreadsOptions } from './run-on-threads.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const fixtures = join(import.meta.dirname, 'fixtures');
const module = new URL('./fixtures/sums-thread.ts', import.meta.url);

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

async function until(isTrue: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await isTrue())) await systemClock.sleep(10);
}

const running = async (threads: StreamThreads) =>
  (await threads.status()).map(({ tasks }) => tasks.filter(({ state }) => state === 'running').length);

it('two threads share the tasks, and end when they are told, with everything committed', async (t) => {
  const { load, start } = await open(t);
  await load.write(1_000);
  const threads = await start({});
  await until(async () => (await running(threads)).every((count) => count === PARTITIONS / 2));
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

it('a thread that fails leaves its tasks to the other', async (t) => {
  const { load, start } = await open(t);
  const threads = await start({ fails: 'one-1' }, { onFailure: 'go-on' });
  await load.write(500);
  await until(async () => (await running(threads)).join() === String(PARTITIONS));
  await load.readAll();
  await threads.stop();
  load.assertExact();
});

it('a thread’s failure stops the others and is told, unless they are to go on', async (t) => {
  const { load, start } = await open(t);
  const threads = await start({ fails: 'one-1' });
  await load.write(500);
  await assert.rejects(threads.done, /one-1 fails as it was told to/);
  assert.deepEqual(await threads.status(), []);
  const missing = new URL('./fixtures/no-such-file.ts', import.meta.url);
  await assert.rejects(start({}, { module: missing }), /no-such-file/);
  await assert.rejects(start({}, { threads: 0 }), { code: 'MR_THREADS_INVALID' });
});

it('processes that come, are killed and come back lose and repeat nothing', async (t) => {
  const { directory, load } = await open(t);
  const launch = async (instanceId: string): Promise<ChildProcess> => {
    const child = spawn(process.execPath, [join(fixtures, 'sums-process.ts'), directory, instanceId], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    const told = once(child.stdout as NodeJS.ReadableStream, 'data').then(() => 'runs');
    assert.equal(await Promise.race([told, once(child, 'exit').then(() => 'has ended')]), 'runs');
    return child;
  };
  const ended = async (child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM') => {
    const exit = once(child, 'exit');
    child.kill(signal);
    return (await exit)[0] as unknown;
  };
  const first = await launch('first');
  let isWriting = true;
  const writing = (async () => {
    while (isWriting) {
      await load.write(50);
      await load.read(5);
    }
  })();
  const second = await launch('second');
  await ended(first, 'SIGKILL');
  const again = await launch('first');
  assert.equal(await ended(second, 'SIGTERM'), 0);
  isWriting = false;
  await writing;
  await load.readAll();
  assert.equal(await ended(again, 'SIGTERM'), 0);
  load.assertExact();
});
