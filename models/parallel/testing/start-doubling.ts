import { ShardThreads } from '../shard-threads.ts';
import { Doubling, type Order } from './doubling.ts';

export function startDoubling(threads: number): Promise<ShardThreads<readonly Order[], number>> {
  const setup = { isOwn: true, met: new Int32Array(new SharedArrayBuffer(4)) };
  const entry = new URL('./doubling-thread.ts', import.meta.url);
  return ShardThreads.start(new Doubling(setup), { entry, setup, threads });
}
