import { join } from 'node:path';
import { StreamsRuntime } from '#engine';
import type { EmbeddedLog } from '#log';
import { loopTopology, type Topics } from '#topologies';
import { runtimeOptions } from '../runtime-options.ts';

/** Runs the loop topology over a log until all is processed. Its state is kept below `directory`. */
export async function runLoop(log: EmbeddedLog, topics: Topics, directory: string): Promise<void> {
  const admission = { latenessMs: 10_000, dedupHorizonMs: 86_400_000, futureMs: 300_000, count: () => {} };
  const topology = await loopTopology(topics, log.registry, { admission, gate: { minimumLift: 1 } });
  const runs = { log, topology, deadLetters: topics['dead-letters'] };
  const runtime = new StreamsRuntime(runtimeOptions(runs, join(directory, 'state')));
  try {
    await runtime.start();
    await runtime.runUntilCaughtUp(100);
  } finally {
    await runtime.close();
  }
}
