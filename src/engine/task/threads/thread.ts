/** The code of one thread: see run-on-threads.ts for the side that starts it. */
import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '#platform';
import { toWireError } from '../../log/errors.ts';
import { StreamsRuntime } from '../runtime.ts';
import type { DeclareThread, FromThread, ThreadInput, ToThread } from './messages.ts';

const { module, processId, ...context } = workerData as ThreadInput;
const port = parentPort;
invariant(port !== null, 'this file runs in a worker thread');
const tell = (message: FromThread) => port.postMessage(message);
const stop = new AbortController();
let runtime: StreamsRuntime | undefined;

port.on('message', (message: ToThread) => {
  if (message.kind === 'stop') return stop.abort();
  const { instanceId: memberId } = context;
  const nothing = { memberId, isRebalancing: false, bufferedBytes: 0, commitMs: null, tasks: [] };
  tell({ kind: 'status', id: message.id, status: runtime?.status() ?? nothing });
});

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
