/** A thread for the tests of calls. */
import { type MessagePort, workerData } from 'node:worker_threads';
import { systemClock } from '../../clock.ts';
import { ConfigurationError, RetryableError } from '../../errors.ts';
import { HandedOver } from '../calls.ts';
import { type ServedThread, serveCalls, serveThread } from '../serve.ts';

export type Input = {
  readonly name: string;
  readonly fails?: 'open' | 'run' | 'close';
  /** The thread runs until it is told to stop, instead of waiting for calls alone. */
  readonly runs?: boolean;
  readonly closed?: Int32Array;
};
export type Event = { readonly said: string };
export type TestAnswers = ReturnType<typeof answersOf>;

const pause = (ms: number) => systemClock.sleep(ms);

function answersOf(thread: ServedThread<Event>) {
  return {
    double: async (numbers: readonly number[]) => {
      for (const number of numbers) thread.tell({ said: `${number}` });
      await pause(1);
      return numbers.map((number) => 2 * number);
    },
    bytes: (length: number) => {
      const bytes = new Uint8Array(length);
      return new HandedOver({ bytes }, [bytes.buffer]);
    },
    fail: () => {
      throw new RetryableError('MR_DISK_FULL', 'no room', { hint: 'make room' });
    },
    unclonable: (): unknown => () => {},
    untilStopped: async () => {
      while (!thread.stopping.aborted) await pause(1);
      return 'stopped';
    },
    never: () => new Promise<void>(() => {}),
    exit: () => process.exit(),
    throwLate: () =>
      void setImmediate(() => {
        throw new TypeError('nobody catches this');
      }),
  };
}

async function open({ name, fails, runs = false, closed }: Input, thread: ServedThread<Event>) {
  const failAt = (where: Input['fails']) => {
    if (fails === where) throw new ConfigurationError('MR_CONFIG_INVALID', `wrong at ${where}`);
  };
  failAt('open');
  const run = async () => {
    failAt('run');
    while (!thread.stopping.aborted) await pause(1);
  };
  const close = async () => {
    if (closed !== undefined) {
      Atomics.store(closed, 0, 1);
      Atomics.notify(closed, 0);
    }
    failAt('close');
  };
  return { answers: answersOf(thread), ready: { name }, close, ...((runs || fails === 'run') && { run }) };
}

const { port, ...input } = workerData as Input & { readonly port?: MessagePort };
if (port === undefined) await serveThread(open);
else await serveCalls<TestAnswers, { readonly name: string }, Event>(port, (thread) => open(input, thread));
