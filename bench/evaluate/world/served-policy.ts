import { writeRecords } from '#engine';
import type { EmbeddedLog } from '#log';
import { takeSnapshot } from '#offline';
import { createMetrics, type Logger, systemClock } from '#platform';
import { asGiven } from '#privacy';
import { openResponder } from '#responders';
import { commandOf } from '#schemas';
import type { World } from '#simulator';
import type { Topics } from '#topologies';
import { trainFromSnapshot } from '#trainer';
import { runLoop } from '../../loop/run-loop.ts';
import { SHOWN, type Shown } from './value.ts';

type Place = {
  readonly log: EmbeddedLog;
  readonly topics: Topics;
  readonly directory: string;
  readonly logger: Logger;
};

/** What the product shows: it trains on a snapshot of the log, promotes the version, and asks the responder for each user. */
export async function servedPolicy(world: World, place: Place): Promise<Shown> {
  const { log, topics, directory } = place;
  const clock = systemClock;
  const shared = { log, topics, dataDirectory: directory, clock, logger: place.logger };
  const snapshot = await takeSnapshot(shared);
  const { candidate } = await trainFromSnapshot(snapshot, { dataDirectory: directory, seed: 1, config: {} });
  const publish = commandOf({ command_id: 'publish', ts: clock.now(), kind: 'publish', candidate });
  await writeRecords(log, topics.commands, [{ key: 'publish', value: publish, timestamp: publish.ts }]);
  await runLoop(log, topics, directory);
  const responder = await openResponder({ ...shared, pseudonyms: asGiven, metrics: createMetrics() });
  try {
    await responder.ready();
    const shown: string[][] = [];
    for (const { user_id } of world.users()) {
      const { version, items } = await responder.recommendTo(user_id, { k: SHOWN });
      if (version !== candidate.version) {
        throw new RangeError(`version ${candidate.version} is not served: was it rejected?`);
      }
      shown.push(items.map(({ item_id }) => item_id));
    }
    return shown;
  } finally {
    await responder.close();
  }
}
