import { workerData } from 'node:worker_threads';
import { toFailure } from '#platform';
import {
  computeShards,
  type ShardOrder,
  type ShardReport,
  type ShardThreadData,
  type ShardWorker,
} from './shard-worker.ts';

/** The thread's side of `ShardThreads`. It ends when told to, or when nobody is left to tell it, never inside the native runtime. */
export async function serveShards<Setup, Step, Result>(
  open: (setup: Setup) => Promise<ShardWorker<Step, Result>>,
): Promise<void> {
  const { setup, taken, port } = workerData as ShardThreadData<Setup>;
  const send = (report: ShardReport<Result>) => port.postMessage(report);
  const worker = await open(setup);
  let busy: Promise<void> = Promise.resolve();

  port.on('message', (order: ShardOrder<Step>) => {
    if (order === 'end') {
      port.close();
      return;
    }
    const { step, shards } = order;
    busy = computeShards(worker, step, shards, taken).then(
      (computed) => send({ computed }),
      (error) => send({ failure: toFailure(error) }),
    );
  });
  port.on('close', () => void busy.then(() => worker.close()));
  send({ computed: [] });
}
