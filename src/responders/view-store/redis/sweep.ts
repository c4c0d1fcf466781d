import type { Clock } from '#platform';
import type { RedisConnection } from './connection.ts';
import type { Generations } from './generations.ts';
import type { Keyspace } from './keyspace.ts';

const PAGE = 500;
/** Between two pages: those who read come first. */
const REST_MS = 5;

/**
 * Removes the keys of generations that are garbage, a page at a time, and returns their number. Such a generation never
 * changes or lives again, so any number of writers may do this at once.
 */
export async function sweepGarbage(
  {
    connection,
    keys,
    generations,
    clock,
  }: {
    readonly connection: RedisConnection;
    readonly keys: Keyspace;
    readonly generations: Generations;
    readonly clock: Clock;
  },
  signal: AbortSignal,
): Promise<number> {
  let removed = 0;
  if (signal.aborted) return removed;
  for (const generation of await generations.garbage()) {
    removed += await removeGeneration({ connection, keys, clock }, generation, signal);
    if (signal.aborted) return removed;
    await generations.forgetGarbage(generation);
  }
  return removed;
}

/** Removes the keys of a generation, and returns their number. */
export async function removeGeneration(
  { connection, keys, clock }: Pick<Parameters<typeof sweepGarbage>[0], 'connection' | 'keys' | 'clock'>,
  generation: string,
  signal?: AbortSignal,
): Promise<number> {
  let removed = 0;
  for await (const page of connection.scan(keys.patternOf(generation), PAGE)) {
    if (signal?.aborted === true) return removed;
    const found = page.filter((key) => keys.isOf(generation, key));
    await connection.unlink(found);
    removed += found.length;
    await clock.sleep(REST_MS, signal);
  }
  return removed;
}
