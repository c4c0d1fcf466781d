/** A thread that runs out of memory while another one computes its shard. */
import { type MessagePort, workerData } from 'node:worker_threads';
import { ShardThreads } from '../shard-threads.ts';
import type { Lingering } from './lingering-thread.ts';

const { state, host } = workerData as { readonly state: Lingering; readonly host: MessagePort };
const own = {
  compute: async () => {
    Atomics.wait(state, 0, 0);
    const held: unknown[] = [];
    for (;;) held.push(Array.from({ length: 1000 }, (_, i) => ({ i })));
  },
  close: async () => {},
};
const entry = new URL('./lingering-thread.ts', import.meta.url);
const threads = await ShardThreads.start(own, { entry, setup: state, threads: 2, host });
await threads.compute({}, 2);
