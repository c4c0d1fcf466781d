/** The code of one thread: see run-on-threads.ts for the side that starts it. */

import { parentPort, workerData } from 'node:worker_threads';
import { toWireError } from '#log';
import { type Clock, invariant } from '#platform';
import { localTasks } from '../../queries/local-tasks.ts';
import { type PortRows, readFromPort, rowsToPort, transferOf } from '../../queries/port-rows.ts';
import { StreamsRuntime } from '../runtime.ts';
import { type EngineReport, reportOf } from '../status/introspection-report.ts';
import type {
  DeclareThread,
  FromThread,
  ThreadAnswers,
  ThreadInput,
  ThreadQuestion,
  ToThread,
} from './messages.ts';

const { module, processId, ...context } = workerData as ThreadInput;
const port = parentPort;
invariant(port !== null, 'this file runs in a worker thread');
const tell = (message: FromThread) => port.postMessage(message);
const stop = new AbortController();
let runtime: StreamsRuntime | undefined;

const tasks = localTasks(() => runtime);

port.on('message', (message: ToThread) => {
  if (message.kind === 'stop') return stop.abort();
  const { id, question } = message;
  answerTo(question).then(
    (answer) => {
      const transferred =
        question.kind === 'rows' && answer !== undefined ? transferOf(answer as PortRows) : [];
      port.postMessage({ kind: 'answer', id, answer } satisfies FromThread, transferred);
    },
    (error: unknown) => tell({ kind: 'refused', id, error: toWireError(error) }),
  );
});

async function answerTo(question: ThreadQuestion): Promise<ThreadAnswers[ThreadQuestion['kind']]> {
  switch (question.kind) {
    case 'report':
      return report();
    case 'owners':
      return runtime?.owners() ?? new Map();
    case 'rows': {
      const rows = await tasks.read(readFromPort(question.read));
      return rows && rowsToPort(rows);
    }
  }
}

function report(): EngineReport {
  if (runtime !== undefined) return reportOf(runtime);
  const { instanceId: memberId } = context;
  return { memberId, isRebalancing: false, bufferedBytes: 0, commitMs: null, tasks: [] };
}

const GIVE_UP_RETRY_MS = 50;

/** A start can take long, since it restores: told to stop, the thread gives up what it is opening. */
async function start(starting: StreamsRuntime, clock: Clock): Promise<void> {
  let hasStarted = false;
  const giveUp = async () => {
    // There is nothing to leave before it has joined.
    for (; !hasStarted; await clock.sleep(GIVE_UP_RETRY_MS)) await starting.leave().catch(() => {});
  };
  const listener = () => void giveUp();
  stop.signal.addEventListener('abort', listener);
  if (stop.signal.aborted) listener();
  try {
    await starting.start();
  } finally {
    hasStarted = true;
    stop.signal.removeEventListener('abort', listener);
  }
}

async function main(): Promise<void> {
  const { declare } = (await import(module)) as { readonly declare: DeclareThread };
  const { options, close } = await declare(context);
  const { instanceId } = context;
  runtime = new StreamsRuntime({ ...options, instanceId, processId });
  try {
    await start(runtime, options.clock);
    tell({ kind: 'started' });
    await runtime.run(stop.signal);
  } catch (error) {
    // So that the others need not wait for the end of its session.
    await runtime
      .leave()
      .catch((err: unknown) => options.logger.warn({ err }, 'a failed thread did not leave'));
    await runtime.close();
    throw error;
  } finally {
    await close();
  }
}

try {
  await main();
} catch (error) {
  tell({ kind: 'failed', error: toWireError(error) });
} finally {
  // With its port closed the thread has nothing to wait for and ends by itself.
  port.close();
}
