import { writeRecords } from '#engine';
import type { EmbeddedLog } from '#log';
import { takeSnapshot } from '#offline';
import { createMetrics, type Logger, systemClock } from '#platform';
import { asGiven } from '#privacy';
import { openResponder, type Responder } from '#responders';
import { commandOf } from '#schemas';
import type { World } from '#simulator';
import type { Topics } from '#topologies';
import { trainFromSnapshot } from '#trainer';
import { runLoop } from '../../loop/run-loop.ts';
import { SHOWN, type Shown } from './value.ts';

/** The one that finds items, and the one that ranks them. */
const MODELS = ['two-tower', 'stacked'] as const;

type Place = {
  readonly log: EmbeddedLog;
  readonly topics: Topics;
  readonly directory: string;
  readonly logger: Logger;
};

/**
 * What the product shows, by what is in force: it trains on a snapshot of the log, promotes the version, and asks the
 * responder for each user; then again with a ranker over it.
 */
export async function servedPolicies(world: World, place: Place): Promise<Map<string, Shown>> {
  const { log, topics, directory } = place;
  const clock = systemClock;
  const shared = { log, topics, dataDirectory: directory, clock, logger: place.logger };
  const snapshot = await takeSnapshot(shared);
  const inForce: string[] = [];
  const shown = new Map<string, Shown>();
  for (const model of MODELS) {
    const { candidate } = await trainFromSnapshot(snapshot, {
      dataDirectory: directory,
      seed: 1,
      model,
      config: {},
    });
    const id = `publish-${model}`;
    const publish = commandOf({ command_id: id, ts: clock.now(), kind: 'publish', candidate });
    await writeRecords(log, topics.commands, [{ key: id, value: publish, timestamp: publish.ts }]);
    await runLoop(log, topics, directory);
    inForce.push(candidate.version);
    const responder = await openResponder({ ...shared, pseudonyms: asGiven, metrics: createMetrics() });
    try {
      await responder.ready();
      shown.set(
        `${MODELS.slice(0, inForce.length).join(' and ')}, as served`,
        await ask(responder, world, inForce),
      );
    } finally {
      await responder.close();
    }
  }
  return shown;
}

async function ask(responder: Responder, world: World, inForce: readonly string[]): Promise<Shown> {
  const shown: string[][] = [];
  const served = new Set<string>();
  for (const { user_id } of world.users()) {
    const { version, ranker, items } = await responder.recommendTo(user_id, { k: SHOWN });
    // Popular items, for those of whom nothing is known, are not ranked.
    for (const each of ranker === null ? [version] : [version, ranker]) served.add(each ?? '');
    shown.push(items.map(({ item_id }) => item_id));
  }
  if ([...served].join() !== inForce.join()) {
    throw new RangeError(`versions ${inForce.join()} are not served: was one rejected?`);
  }
  return shown;
}
