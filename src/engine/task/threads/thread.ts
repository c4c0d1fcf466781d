/** The code of one thread: see run-on-threads.ts for the side that starts it. */
import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '#platform';
import { toWireError } from '../../log/errors.ts';
import { localTasks } from '../../queries/local-tasks.ts';
import { type PortRows, readFromPort, rowsToPort, transferOf } from '../../queries/port-rows.ts';
import { type EngineReport, reportOf } from '../introspection-report.ts';
import { StreamsRuntime } from '../runtime.ts';
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

async function main(): Promise<void> {
  const { declare } = (await import(module)) as { readonly declare: DeclareThread };
  const { options, close } = await declare(context);
  const { instanceId } = context;
  runtime = new StreamsRuntime({ ...options, instanceId, processId });
  try {
    await runtime.start();
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
