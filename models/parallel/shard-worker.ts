import type { MessagePort } from 'node:worker_threads';

/**
 * What computes shards of a step, one at a time; each thread has its own. What is large goes by memory that the threads
 * share: steps and results are cloned from thread to thread.
 */
export interface ShardWorker<Step, Result> {
  compute(step: Step, shard: number): Promise<Result>;
  close(): Promise<void>;
}

export type Computed<Result> = readonly { readonly shard: number; readonly result: Result }[];

export type ShardAnswers<Step, Result> = {
  compute(order: { readonly step: Step; readonly shards: number }): Promise<Computed<Result>>;
};
export type ShardThreadData<Setup> = {
  readonly setup: Setup;
  readonly taken: Int32Array;
  /** To the thread that steps; closed when that has ended. */
  readonly port: MessagePort;
};

/** Computes what the other threads have not taken yet, until nothing is left; `taken[0]` counts for all of them. */
export async function computeShards<Step, Result>(
  worker: ShardWorker<Step, Result>,
  step: Step,
  shards: number,
  taken: Int32Array,
): Promise<Computed<Result>> {
  const computed: { shard: number; result: Result }[] = [];
  for (;;) {
    const shard = Atomics.add(taken, 0, 1);
    if (shard >= shards) return computed;
    computed.push({ shard, result: await worker.compute(step, shard) });
  }
}
