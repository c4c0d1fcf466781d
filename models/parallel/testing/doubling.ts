import { InputError } from '#platform';
import type { ShardWorker } from '../shard-worker.ts';

/** What a shard is: a number to be doubled, or how the thread that takes it fails. */
export type Order = number | 'throw' | 'allocate' | 'exit';

export type DoublingSetup = {
  /** The calling thread's own does not fail, but waits until another one has met its failure. */
  readonly isOwn: boolean;
  /** 1 when one has. */
  readonly met: Int32Array;
};

export class Doubling implements ShardWorker<readonly Order[], number> {
  readonly #setup: DoublingSetup;

  constructor(setup: DoublingSetup) {
    this.#setup = setup;
  }

  async compute(step: readonly Order[], shard: number): Promise<number> {
    const order = step[shard] as Order;
    if (typeof order === 'number') return 2 * order;
    const { isOwn, met } = this.#setup;
    if (isOwn) {
      Atomics.wait(met, 0, 0);
      return Number.NaN;
    }
    Atomics.store(met, 0, 1);
    Atomics.notify(met, 0);
    return fail(order);
  }

  async close(): Promise<void> {}
}

function fail(how: Exclude<Order, number>): number {
  if (how === 'throw') throw new InputError('MR_MODEL_INPUT', 'device lost', { hint: 'Try again.' });
  if (how === 'allocate') return new Float32Array(2 ** 50).length;
  return process.exit();
}
