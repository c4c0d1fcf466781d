import { InputError } from '#platform';
import type { Compute } from '../meeting.ts';

/** What a shard is: a number from 0 to be doubled, or how the thread that takes it fails. */
export const FAILURES = { throw: -1, allocate: -2, exit: -3 } as const;

/** Memory that the threads share. */
export type Orders = {
  readonly orders: Int32Array;
  readonly results: Int32Array;
  /** 1 when a further thread has met its failure. */
  readonly met: Int32Array;
};

export function ordersOf(shards: number): Orders {
  const words = (length: number) => new Int32Array(new SharedArrayBuffer(4 * length));
  return { orders: words(shards), results: words(shards), met: words(1) };
}

/** The calling thread does not fail, but waits until another one has met its failure. */
export function doubling({ orders, results, met }: Orders, isOwn: boolean): Compute {
  return (shard) => {
    const order = orders[shard] as number;
    if (order >= 0) {
      results[shard] = 2 * order;
      return;
    }
    if (isOwn) {
      Atomics.wait(met, 0, 0);
      return;
    }
    Atomics.store(met, 0, 1);
    Atomics.notify(met, 0);
    if (order === FAILURES.throw)
      throw new InputError('MR_MODEL_INPUT', 'device lost', { hint: 'Try again.' });
    if (order === FAILURES.exit) process.exit();
    results[shard] = new Float32Array(2 ** 50).length;
  };
}
