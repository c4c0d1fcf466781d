import { workerData } from 'node:worker_threads';
import { serveCalls } from '#platform';
import { computeShards, type ShardAnswers, type ShardThreadData, type ShardWorker } from './shard-worker.ts';

/** The thread's side of `ShardThreads`. It ends when told to, or when nobody is left to tell it, never inside the native runtime. */
export function serveShards<Setup, Step, Result>(
  open: (setup: Setup) => Promise<ShardWorker<Step, Result>>,
): Promise<void> {
  const { setup, taken, port } = workerData as ShardThreadData<Setup>;
  return serveCalls<ShardAnswers<Step, Result>, void>(port, async () => {
    const worker = await open(setup);
    return {
      answers: { compute: ({ step, shards }) => computeShards(worker, step, shards, taken) },
      ready: undefined,
      close: () => worker.close(),
    };
  });
}
