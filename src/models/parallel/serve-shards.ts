import { parentPort, workerData } from 'node:worker_threads';
import { invariant, toFailure } from '#platform';
import {
  computeShards,
  type ShardOrder,
  type ShardReport,
  type ShardThreadData,
  type ShardWorker,
} from './shard-worker.ts';

/** The thread's side of `ShardThreads`. It ends when told to, never inside the native runtime. */
export async function serveShards<Setup, Step, Result>(
  open: (setup: Setup) => Promise<ShardWorker<Step, Result>>,
): Promise<void> {
  const port = parentPort;
  invariant(port !== null, 'shards are served by a worker thread');
  const send = (report: ShardReport<Result>) => port.postMessage(report);
  const { setup, taken } = workerData as ShardThreadData<Setup>;
  const worker = await open(setup);

  const carryOut = async (order: ShardOrder<Step>) => {
    if (order === 'end') {
      await worker.close();
      port.close();
      return;
    }
    const { step, shards } = order;
    await computeShards(worker, step, shards, taken).then(
      (computed) => send({ computed }),
      (error) => send({ failure: toFailure(error) }),
    );
  };
  port.on('message', (order: ShardOrder<Step>) => void carryOut(order));
  send({ computed: [] });
}
