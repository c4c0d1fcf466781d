import assert from 'node:assert/strict';
import { it } from 'node:test';
import { userFeaturesView } from '#features';
import { openSimulatedLog } from '#log';
import { systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { openTopics } from '#topologies';
import { runArchive } from './archive.ts';
import { openOffline } from './reading.ts';
import {
  accept,
  announce,
  archivedEvents,
  archiveOptions,
  DAY_MS,
  events,
  startMs,
} from './testing/archived-world.ts';

/** Park and Miller's generator. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 0x7fffffff;
    return state / 0x7fffffff;
  };
}

it('is exact on a log that fails, repeats requests and throws members out', async (t) => {
  const random = seeded(7);
  const log = openSimulatedLog({ clock: systemClock, random, maxDelayMs: 1 });
  t.after(() => log.close());
  const topics = await openTopics(log, log.registry);
  const dataDirectory = temporaryDirectory(t);
  const options = {
    ...archiveOptions({ log, topics, dataDirectory }),
    views: [userFeaturesView],
    flushRecords: 100,
  };
  await accept(options, events(0, 400));
  await announce(options, startMs + DAY_MS);
  log.faults.failRequests(0.03);
  log.faults.repeatRequests(0.1);
  const stopping = new AbortController();
  const running = runArchive(options, stopping.signal);
  const [described] = await log.describeTopics(['interactions-accepted']);
  const progress = async () => (await openOffline(options)).progress('interactions-accepted').offsets;
  let seen = 0;
  for (let i = 0; ; i++) {
    const offsets = await progress().catch(() => []);
    if (described?.offsets.every(({ stable }, partition) => (offsets[partition] ?? 0) >= stable)) break;
    const reached = offsets.reduce((sum, offset) => sum + offset, 0);
    if (reached > seen && i % 2 === 0) log.faults.expel('archive', 'main');
    seen = Math.max(seen, reached);
    await systemClock.sleep(20);
  }
  log.faults.failRequests(0);
  stopping.abort();
  await running;
  const rows = (await archivedEvents(t, options)).map((row) => JSON.parse(row));
  const ids = rows.map(({ event_id }) => event_id).sort();
  assert.deepEqual(
    ids,
    events(0, 400)
      .map(({ event_id }) => event_id)
      .sort(),
  );
});
