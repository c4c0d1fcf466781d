/** Computes its shard until it is told that this is enough, and lets nothing in meanwhile: as onnxruntime does. */
import { serveShards } from '../serve-shards.ts';

/** Whether it has begun, whether it is enough, whether it was closed: 1 for yes. */
export type Lingering = Int32Array;

await serveShards(async (state: Lingering) => ({
  compute: async () => {
    Atomics.store(state, 0, 1);
    Atomics.notify(state, 0);
    Atomics.wait(state, 1, 0);
  },
  close: async () => {
    Atomics.store(state, 2, 1);
  },
}));
