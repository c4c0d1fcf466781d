/**
 * The thread of one run: it does the steps that it is told to, reports, and stops between updates when told to. It ends
 * when told to, never inside the native runtime.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { invariant, toFailure } from '#platform';
import type { ThreadOrder, ThreadReport } from './messages.ts';
import { VersionTrainer, type VersionTraining } from './version-training.ts';

const port = parentPort;
invariant(port !== null, 'this file is the entry of a worker thread');
const send = (report: ThreadReport) => port.postMessage(report);
const stopping = new AbortController();
const trainer = new VersionTrainer(workerData as VersionTraining);
let busy: Promise<void> = Promise.resolve();

port.on('message', (order: ThreadOrder) => {
  if (order.kind === 'stop') stopping.abort();
  else if (order.kind === 'end') busy = busy.then(end);
  else busy = busy.then(() => carryOut(order));
});

async function carryOut(order: Extract<ThreadOrder, { kind: 'train' | 'evaluate' }>): Promise<void> {
  try {
    if (order.kind === 'evaluate') {
      send({ kind: 'evaluated', result: await trainer.evaluate(order.inForce) });
      return;
    }
    const trained = await trainer.train({
      signal: stopping.signal,
      onProgress: (progress) => send({ kind: 'progress', progress }),
      onEpoch: (epoch, step, values) => send({ kind: 'epoch', epoch, step, values }),
    });
    send({ kind: 'trained', trained });
  } catch (error) {
    send(stopping.signal.aborted ? { kind: 'stopped' } : { kind: 'failed', failure: toFailure(error) });
  }
}

async function end(): Promise<void> {
  await trainer.close();
  port?.close();
}
