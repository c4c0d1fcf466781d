/** A log with the events of a simulated world, and programs that process it on one core. */

import { execFileSync } from 'node:child_process';
import { TopicWriter } from '#engine';
import { type Header, openEmbeddedLog } from '#log';
import { createLogger, systemClock } from '#platform';
import { createWorld, type World, type WorldOptions, worldEvents } from '#simulator';
import { OUTCOME_WINDOW_MS, openTopics } from '#topologies';
import { LARGE_YOUNG_GENERATION } from './runtime-options.ts';

const WRITTEN_AT_ONCE = 5_000;

/** 2,000 users, 1,000 items and 30 days. */
export function benchWorld({ seed, endsAt }: Pick<WorldOptions, 'seed' | 'endsAt'>): World {
  return createWorld({ seed, users: 2_000, items: 1_000, days: 30, endsAt });
}

/** By default a world that ends now, and of which nothing is traced; `traced`: share of the events that are. */
export async function writeWorld(
  directory: string,
  events: number,
  { world = worldOfToday(), traced = 0 }: { readonly world?: World; readonly traced?: number } = {},
): Promise<void> {
  const logger = createLogger({ level: 'warn', name: 'bench' });
  const log = await openEmbeddedLog({ directory, clock: systemClock, logger });
  const topics = await openTopics(log, log.registry);
  const users = await TopicWriter.open(log, topics.users);
  await users.write(
    Array.from(world.users(), (user) => ({ key: user.user_id, value: user, timestamp: user.created })),
  );
  const items = await TopicWriter.open(log, topics.items);
  await items.write(
    Array.from(world.items(), (item) => ({ key: item.item_id, value: item, timestamp: item.created })),
  );
  const interactions = await TopicWriter.open(log, topics.interactions);
  let before = 0;
  const records = Array.from(worldEvents(world, { events }), (event, nth) => {
    const isTraced = Math.floor((nth + 1) * traced) > before;
    before = Math.floor((nth + 1) * traced);
    const record = { key: event.user_id, value: event, timestamp: event.ts };
    return isTraced ? { ...record, headers: [traceOf(nth)] } : record;
  });
  for (let from = 0; from < records.length; from += WRITTEN_AT_ONCE) {
    await interactions.write(records.slice(from, from + WRITTEN_AT_ONCE));
  }
  await interactions.announce(world.endsAt + OUTCOME_WINDOW_MS);
  for (const writer of [users, items, interactions]) await writer.close();
  await log.close();
}

function traceOf(nth: number): Header {
  const trace = (nth + 1).toString(16);
  return ['traceparent', Buffer.from(`00-${trace.padStart(32, '0')}-${trace.padStart(16, '0')}-01`)];
}

function worldOfToday(): World {
  return benchWorld({ seed: 1, endsAt: Date.now() - OUTCOME_WINDOW_MS });
}

export type OneCore = { readonly seconds: number; readonly cpuSeconds: number };

/** Runs a program of ours over a directory, on the first core alone; it prints what it took as JSON. */
export function onOneCore(script: string, ...args: readonly string[]): OneCore {
  const program = ['-c', '0', process.execPath, ...LARGE_YOUNG_GENERATION, script, ...args];
  return JSON.parse(execFileSync('taskset', program, { encoding: 'utf8' })) as OneCore;
}
