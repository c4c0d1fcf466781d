import { once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { type Answers, FatalError, Thread } from '#platform';
import { computeShards, type ShardAnswers, type ShardWorker } from './shard-worker.ts';
import { startThread } from './thread-host.ts';

export type Start = {
  /** The file that runs in each further thread, where it calls `serveShards`. */
  readonly entry: URL;
  /** Is cloned for each. */
  readonly setup: unknown;
  /** With the calling one. */
  readonly threads: number;
  /** Starts the further ones; to be given where the calling thread may end by itself. */
  readonly host?: MessagePort | undefined;
};

/**
 * Data parallelism as in PyTorch's DistributedDataParallel (Li et al. 2020) and Horovod (Sergeev and Del Balso 2018): each
 * step is cut into shards, which are computed side by side and put together before the weights change once. Those
 * have a shard a process, so that another number of processes gives other results. Here the number of shards is
 * the model's own, a thread takes whichever is next when it is free, and results come in the order of the shards: how many
 * threads there were does not show.
 */
export class ShardThreads<Step, Result> {
  readonly #own: ShardWorker<Step, Result>;
  readonly #others: readonly Thread<ShardAnswers<Step, Result>>[];
  readonly #taken: Int32Array;

  private constructor(
    own: ShardWorker<Step, Result>,
    others: readonly Thread<ShardAnswers<Step, Result>>[],
    taken: Int32Array,
  ) {
    this.#own = own;
    this.#others = others;
    this.#taken = taken;
  }

  /** `own` computes on the calling thread, and is closed with the rest. Rejects with the error of a thread that can't begin. */
  static async start<Step, Result>(
    own: ShardWorker<Step, Result>,
    { entry, setup, threads, host }: Start,
  ): Promise<ShardThreads<Step, Result>> {
    const taken = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const others = Array.from({ length: threads - 1 }, () =>
      furtherThread<ShardAnswers<Step, Result>>(entry, { setup, taken }, host),
    );
    return whenReady(new ShardThreads(own, others, taken), others);
  }

  /**
   * Results in the order of the shards. Rejects with the error of the first thread that failed, when all have come to rest;
   * FatalError MR_TRAINING_THREAD for one that has ended by itself.
   */
  async compute(step: Step, shards: number): Promise<Result[]> {
    Atomics.store(this.#taken, 0, 0);
    const parts = await Promise.allSettled([
      ...this.#others.map((thread) => thread.call('compute', { step, shards })),
      computeShards(this.#own, step, shards, this.#taken),
    ]);
    const results = new Array<Result>(shards);
    for (const part of parts) {
      if (part.status === 'rejected') throw part.reason;
      for (const { shard, result } of part.value) results[shard] = result;
    }
    return results;
  }

  /** Resolves when all threads have ended. */
  async close(): Promise<void> {
    await Promise.all([...this.#others.map((thread) => thread.stop()), this.#own.close()]);
  }
}

/** Clones `data` for a thread that runs `entry`. */
export function furtherThread<A extends Answers>(
  entry: URL,
  data: object,
  host: MessagePort | undefined,
): Thread<A> {
  const { port1: port, port2 } = new MessageChannel();
  // Its last messages come before the close of its port.
  const closed = once(port, 'close');
  const exited = startThread(entry, data, port2, host).then((fault) => closed.then(() => fault));
  return new Thread<A>({ port, exited }, { gone: asEnded });
}

/** Resolves with `started` once all of its threads can begin; closes it where one can't, and rejects with that one's error. */
export async function whenReady<T extends { close(): Promise<unknown> }>(
  started: T,
  threads: readonly { readonly ready: Promise<unknown> }[],
): Promise<T> {
  try {
    await Promise.all(threads.map(({ ready }) => ready));
  } catch (error) {
    await started.close();
    throw error;
  }
  return started;
}

const asEnded = (fault: unknown): Error =>
  fault instanceof Error
    ? fault
    : new FatalError('MR_TRAINING_THREAD', 'A thread of the training ended unexpectedly.', {
        hint: "Look at the system's log for the process; restart the training.",
      });
