import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCode, FatalError, RetryableError, systemClock } from '#platform';
import { type GraphOptions, runGraph, type Step, type StepEvent } from './graph.ts';

const never = new AbortController().signal;

/** Runs steps; gives what was recorded, a line an event, and the pauses. */
async function recorded(steps: readonly Step<string>[], changes: Partial<GraphOptions<string>> = {}) {
  const lines: string[] = [];
  const pauses: number[] = [];
  const clock = { ...systemClock, sleep: async (ms: number) => void pauses.push(ms) };
  const record = async ({ name }: Step<string>, event: StepEvent<string>) => {
    const told =
      event.kind === 'succeeded'
        ? event.result
        : event.kind === 'skipped'
          ? (event.reason ?? '')
          : event.kind === 'started'
            ? event.attempt
            : (event.error as Error).message;
    lines.push(`${name} ${event.kind} ${told}`.trim());
  };
  const retry = { retries: 3, firstMs: 100, longestMs: 300 };
  await runGraph(steps, { clock, retry, signal: never, record, ...changes });
  return { lines, pauses };
}

function step(name: string, after: string[], work: () => Promise<string>, more: Partial<Step<string>> = {}) {
  return { name, after, work, signal: never, attemptsBefore: 0, ...more };
}

const done = async () => 'done';

test('steps run when those before them have succeeded; what does not depend on each other runs side by side', async () => {
  const both = Promise.withResolvers<string>();
  let begun = 0;
  const meeting = () => {
    if (++begun === 2) both.resolve('met');
    return both.promise;
  };
  const { lines } = await recorded([
    step('snapshot', [], done),
    step('train a', ['snapshot'], meeting),
    step('train b', ['snapshot'], meeting),
    step('publish', ['train a', 'train b'], done),
  ]);
  assert.deepEqual(lines, [
    'snapshot started 1',
    'snapshot succeeded done',
    'train a started 1',
    'train b started 1',
    'train a succeeded met',
    'train b succeeded met',
    'publish started 1',
    'publish succeeded done',
  ]);
});

test('what fails or is skipped takes its dependent steps with it, and no others', async () => {
  const fails = async () => {
    throw new FatalError('MR_TEST', 'broken');
  };
  const { lines } = await recorded([
    step('a', [], fails),
    step('behind a', ['a'], done),
    step('b', [], done, { unless: async () => 'not today' }),
    step('behind b', ['b'], done),
    step('c', [], done, { unless: async () => undefined }),
  ]);
  assert.deepEqual(
    new Set(lines),
    new Set([
      'a started 1',
      'a failed broken',
      'behind a skipped',
      'b skipped not today',
      'behind b skipped',
      'c started 1',
      'c succeeded done',
    ]),
  );
});

test('an error that may pass is tried again, after pauses that double up to the longest', async () => {
  let failures = 3;
  const passing = async () => {
    if (failures-- > 0) throw new RetryableError('MR_TEST', 'not now');
    return 'at last';
  };
  const { lines, pauses } = await recorded([step('a', [], passing, { attemptsBefore: 2 })]);
  assert.deepEqual(pauses, [100, 200, 300]);
  assert.deepEqual(lines.slice(-3), ['a retrying not now', 'a started 6', 'a succeeded at last']);

  failures = 100;
  const again = await recorded([step('a', [], passing)]);
  assert.deepEqual(again.pauses, [100, 200, 300]);
  assert.equal(again.lines.at(-1), 'a failed not now');
});

test('other errors are not tried again, and neither are those that last', async () => {
  for (const error of [new FatalError('MR_TEST', 'over'), new RetryableError('MR_SNAPSHOT_EMPTY', 'over')]) {
    const isLasting = (each: unknown) => errorCode(each) === 'MR_SNAPSHOT_EMPTY';
    const { lines } = await recorded([step('a', [], () => Promise.reject(error))], { isLasting });
    assert.deepEqual(lines, ['a started 1', 'a failed over']);
  }
});

test("a step's own signal fails it with the reason; the graph's ends all of it, and nothing is recorded any more", async () => {
  const cancelled = new AbortController();
  const given = new FatalError('MR_RUN_CANCELLED', 'cancelled');
  const waits = async () => {
    cancelled.abort(given);
    throw new RetryableError('MR_TEST', 'not now');
  };
  const one = await recorded([step('a', [], waits, { signal: cancelled.signal }), step('b', [], done)]);
  assert.ok(one.lines.includes('a failed cancelled') && one.lines.includes('b succeeded done'));

  const stopped = new AbortController();
  const lines: string[] = [];
  const stops = async () => {
    stopped.abort(new Error('stopped'));
    return 'too late';
  };
  const running = recorded([step('a', [], stops), step('b', ['a'], done)], {
    signal: stopped.signal,
    record: async ({ name }, { kind }) => void lines.push(`${name} ${kind}`),
  });
  await assert.rejects(running, { message: 'stopped' });
  assert.deepEqual(lines, ['a started']);
});

test('what can not be recorded ends the graph', async () => {
  const full = new Error('the log is full');
  const running = recorded([step('a', [], done), step('b', [], done)], {
    record: () => Promise.reject(full),
  });
  await assert.rejects(running, full);
});
