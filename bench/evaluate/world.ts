/**
 * How much of what could be had is had: in simulated worlds whose users' tastes are known, the mean chance of a click on
 * the ten items that each user is shown, by popularity and by models, as a share of the way from decayed popularity to
 * the world's oracle, and NDCG by that chance. The worlds were fixed before any model was tried on them.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedLog } from '#log';
import { createLogger, systemClock } from '#platform';
import { Oracle, type World, worldEvents } from '#simulator';
import { openTopics } from '#topologies';
import { runLoop } from '../loop/run-loop.ts';
import { benchWorld, writeWorld } from '../world-log.ts';
import { classicPolicies } from './world/classic-policies.ts';
import { printWorld } from './world/figures.ts';
import { servedPolicies } from './world/served-policy.ts';
import type { Shown } from './world/value.ts';

const EVENTS = 200_000;
const SEEDS = [101, 102, 103];
const ENDS_AT = Date.UTC(2026, 0, 5);

export async function run(): Promise<void> {
  const named = process.argv.slice(3).map(Number);
  const worlds = (named.length === 0 ? SEEDS : named).map((seed) => benchWorld({ seed, endsAt: ENDS_AT }));
  for (const world of worlds) {
    process.stderr.write(`world ${world.seed}\n`);
    const events = [...worldEvents(world, { events: EVENTS })];
    const policies = { classic: classicPolicies(world, events), served: await served(world) };
    printWorld(world, new Oracle(world, events), policies);
  }
}

/** Through the whole product: the log, the loop, a snapshot, a training, a promotion, and answers. */
async function served(world: World): Promise<Map<string, Shown>> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-world-'));
  const logger = createLogger({ level: 'warn', name: 'evaluate' });
  try {
    await writeWorld(directory, EVENTS, { world });
    const log = await openEmbeddedLog({ directory, clock: systemClock, logger });
    try {
      const topics = await openTopics(log, log.registry);
      await runLoop(log, topics, directory);
      return await servedPolicies(world, { log, topics, directory, logger });
    } finally {
      await log.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
