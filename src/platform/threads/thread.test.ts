import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { FatalError } from '../errors.ts';
import type { Event, Input, TestAnswers } from './testing/served-thread.ts';
import { startWorker, Thread, type ThreadLink } from './thread.ts';

const entry = new URL('./testing/served-thread.ts', import.meta.url);
const gone = (cause: unknown) => new FatalError('MR_THREAD_ENDED', 'the thread is gone', { cause });

function threadOver(link: ThreadLink, events: Event[] = []) {
  const onEvent = (event: Event) => void events.push(event);
  return new Thread<TestAnswers, Event, { readonly name: string }>(link, { onEvent, gone });
}

const start = (input: Partial<Input> = {}, events: Event[] = []) =>
  threadOver(startWorker(entry, { input: { name: 'one', ...input } satisfies Input }), events);

test('calls are answered, also those made before the thread is ready; events come before the reply that follows them', async () => {
  const events: Event[] = [];
  const thread = start({}, events);
  const early = thread.call('double', [1, 2]);
  assert.deepEqual(await thread.ready, { name: 'one' });
  assert.deepEqual(await Promise.all([early, thread.call('double', [3])]), [[2, 4], [6]]);
  assert.deepEqual(
    events.map(({ said }) => said),
    ['1', '2', '3'],
  );
  assert.equal((await thread.call('bytes', 5)).bytes.length, 5);
  await thread.stop();
  assert.equal(await thread.ended, undefined);
});

test('a call that fails rejects with the error, and the thread goes on', async () => {
  const thread = start();
  const failure = { name: 'RetryableError', code: 'MR_DISK_FULL', message: 'no room', hint: 'make room' };
  await assert.rejects(thread.call('fail'), failure);
  await assert.rejects(thread.call('unclonable'), /could not be cloned/);
  await assert.rejects(thread.call('double', [() => {}] as never), { name: 'DataCloneError' });
  assert.deepEqual(await thread.call('double', [4]), [8]);
  await thread.stop();
});

test('a thread that is told to stop answers what it was asked, closes, and refuses what comes later', async () => {
  const closed = new Int32Array(new SharedArrayBuffer(4));
  const thread = start({ closed });
  const asked = [thread.call('untilStopped'), thread.call('double', [5])];
  await thread.stop();
  assert.deepEqual(await Promise.all(asked), ['stopped', [10]]);
  assert.equal(closed[0], 1);
  assert.equal(thread.hasEnded, true);
  await assert.rejects(thread.call('double', [6]), { code: 'MR_THREAD_ENDED' });
  await thread.stop();
});

test('the end of a thread rejects all that wait for it, with what has ended it', async () => {
  for (const [name, cause] of [
    ['exit', undefined],
    ['throwLate', /nobody catches this/],
  ] as const) {
    const thread = start();
    const waiting = thread.call('never');
    thread.call(name).catch(() => {});
    const error = await waiting.catch((each: Error) => each);
    assert.equal((error as FatalError).code, 'MR_THREAD_ENDED');
    if (cause !== undefined) assert.match(String((error as Error).cause), cause);
    assert.equal(await thread.ended, error);
  }
});

test('a thread that fails as it opens, works or closes ends with that error', async () => {
  const wrong = { name: 'ConfigurationError', code: 'MR_CONFIG_INVALID' };
  const opening = start({ fails: 'open' });
  await assert.rejects(opening.call('double', [1]), wrong);
  await assert.rejects(opening.ready, wrong);
  for (const fails of ['open', 'run', 'close'] as const) {
    const thread = start({ fails });
    if (fails === 'close') await thread.stop();
    const error = (await thread.ended) ?? assert.fail('it has ended in order');
    await assert.rejects(Promise.reject(error), { ...wrong, message: `wrong at ${fails}` });
  }
  const missing = threadOver(startWorker(new URL('./testing/no-such-thread.ts', import.meta.url)));
  await assert.rejects(missing.ready, { code: 'MR_THREAD_ENDED' });
});

test('a thread with work of its own ends with it, whatever it was asked', async () => {
  const thread = start({ runs: true });
  const waiting = assert.rejects(thread.call('never'), { code: 'MR_THREAD_ENDED' });
  await thread.stop();
  await waiting;
  assert.equal(await thread.ended, undefined);
});

test('a thread that serves over a port of its own ends when its caller is gone', async () => {
  const { port1, port2: port } = new MessageChannel();
  const closed = new Int32Array(new SharedArrayBuffer(4));
  const input = { name: 'two', closed, port };
  const { exited } = startWorker(entry, { input, moved: [port] });
  const thread = threadOver({ port: port1, exited: once(port1, 'close').then(() => exited) });
  assert.deepEqual(await thread.ready, { name: 'two' });
  assert.deepEqual(await thread.call('double', [1]), [2]);
  port1.close();
  assert.equal(await exited, undefined);
  assert.equal((await thread.ended) instanceof FatalError, true);
  assert.equal(closed[0], 1);
});
