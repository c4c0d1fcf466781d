/**
 * The thread that runs a user tower: onnxruntime blocks whoever calls it. It ends by itself when told to stop;
 * terminating it during a run would abort the process.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { SequentialEncoder, UserEncoder } from '#models';
import { errorCode, invariant } from '#platform';
import type { FromThread, InferenceThreadData, ToThread, UserInput } from './messages.ts';

invariant(parentPort !== null, 'an inference thread is started as a worker thread');
const port = parentPort;
const send = (message: FromThread) => port.postMessage(message);

function fail(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  send({ kind: 'failed', error: { code: errorCode(error) ?? 'MR_INVARIANT', message } });
}

type Encoder = UserEncoder | SequentialEncoder;

/** The sequential model knows histories alone, the two-tower users and their profiles too. */
function load({ model, tower }: InferenceThreadData): Promise<Encoder> {
  return model === 'sequential' ? SequentialEncoder.load(tower) : UserEncoder.load(tower);
}

async function encode(encoder: Encoder, inputs: readonly UserInput[]): Promise<void> {
  const histories = inputs.map(({ history }) => history);
  try {
    const vectors =
      encoder instanceof SequentialEncoder
        ? await encoder.encode(histories)
        : await encoder.encode({
            users: Int32Array.from(inputs, ({ user }) => user),
            histories,
            profile: Int32Array.from(inputs.flatMap(({ profile }) => profile)),
            context: Int32Array.from(inputs.flatMap(({ context }) => context)),
          });
    send({ kind: 'vectors', vectors });
  } catch (error) {
    fail(error);
  }
}

async function serve(encoder: Encoder): Promise<void> {
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
