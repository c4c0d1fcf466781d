/**
 * The thread that computes vectors of users, which blocks whoever does it. It ends by itself when told to stop;
 * terminating it during a run would abort the process.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { modelNamed, type UserEncoding, type UserInput } from '#models';
import { errorCode, invariant } from '#platform';
import type { FromThread, InferenceThreadData, ToThread } from './messages.ts';

invariant(parentPort !== null, 'an inference thread is started as a worker thread');
const port = parentPort;
const send = (message: FromThread) => port.postMessage(message);

function fail(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  send({ kind: 'failed', error: { code: errorCode(error) ?? 'MR_INVARIANT', message } });
}

function load({ model, files }: InferenceThreadData): Promise<UserEncoding> {
  const { serving } = modelNamed(model);
  invariant(serving.kind === 'vectors', `${model} computes vectors of users`);
  return serving.encoder(files);
}

async function encode(encoder: UserEncoding, inputs: readonly UserInput[]): Promise<void> {
  try {
    send({ kind: 'vectors', vectors: await encoder.encode(inputs) });
  } catch (error) {
    fail(error);
  }
}

async function serve(encoder: UserEncoding): Promise<void> {
  let last = Promise.resolve();
  port.on('message', (message: ToThread) => {
    if (message.kind === 'encode') last = last.then(() => encode(encoder, message.inputs));
    else last = last.then(() => encoder.close()).finally(() => port.close());
  });
  send({ kind: 'ready', dimension: encoder.dim });
}

try {
  await serve(await load(workerData as InferenceThreadData));
} catch (error) {
  fail(error);
}
