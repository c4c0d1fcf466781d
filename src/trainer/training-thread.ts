/** The thread in which one version is trained: it reports, ends by itself, and stops between steps when told to. */
import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '#platform';
import { type TrainingMessage, toFailure } from './training-messages.ts';
import { trainVersion, type VersionTraining } from './version-training.ts';

const port = parentPort;
invariant(port !== null, 'this file is the entry of a worker thread');
const send = (message: TrainingMessage) => port.postMessage(message);
const stopping = new AbortController();
port.on('message', () => stopping.abort());

try {
  const result = await trainVersion(workerData as VersionTraining, {
    signal: stopping.signal,
    onProgress: (progress) => send({ kind: 'progress', progress }),
  });
  send({ kind: 'trained', result });
} catch (error) {
  send(stopping.signal.aborted ? { kind: 'stopped' } : { kind: 'failed', failure: toFailure(error) });
}
port.close();
