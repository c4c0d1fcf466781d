import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { httpPeers, localTasks, type StoreAnswer, StoreQueries, servePeers, serveQueries } from '#engine';
import { createHttpServer, createMetrics, systemClock } from '#platform';
import { logger, openLog, start, write } from './setting.ts';
import { watching, wideTotals, wideViews } from './watching.ts';

async function open(t: TestContext) {
  const log = await openLog(t);
  await log.createTopics([wideViews, wideTotals]);
  const view = (user: string, seconds: number, at: number) => [user, { item: 'a', seconds }, at] as const;
  await write(log, wideViews, view('ann', 30, 1_000), view('bob', 5, 2_000), view('ann', 12, 61_000));
  const topology = watching();
  const runtime = await start(t, log, topology);
  return { log, topology, runtime };
}

it('in process', async (t) => {
  const { topology, runtime } = await open(t);
  // example: queries
  const queries = new StoreQueries({
    topology,
    memberId: 'one',
    local: localTasks(() => runtime),
    owners: () => runtime.owners(),
    peers: httpPeers({ clock: systemClock }),
    clock: systemClock,
  });
  const { entries, position } = await queries.query('total/state', { kind: 'key', key: 'ann' });
  assert.deepEqual(
    entries.map(({ key, value }) => [key, value]),
    [['ann', 42]],
  );
  // end
  const [entry] = entries;
  assert.deepEqual(position, { 'wide-views': { [entry?.partition ?? -1]: 3 } });
  // example: queries-more
  const all = await queries.query('total/state', { kind: 'range', from: 'a', to: 'b' }, { limit: 100 });
  const minutes = await queries.query('by-minute/windows', {
    kind: 'window',
    key: 'ann',
    fromMs: 60_000,
    toMs: 120_000,
  });
  const fresh = await queries.query(
    'total/state',
    { kind: 'prefix', prefix: 'an' },
    { atLeast: position, staleness: 'standby' },
  );
  // end
  assert.deepEqual(
    all.entries.map(({ key }) => key),
    ['ann'],
  );
  assert.deepEqual(
    minutes.entries.map(({ window, value }) => [window?.startMs, value]),
    [[60_000, 1]],
  );
  assert.deepEqual(
    fresh.entries.map(({ value }) => value),
    [42],
  );
});

it('over HTTP', async (t) => {
  const { topology, runtime } = await open(t);
  const queries = new StoreQueries({
    topology,
    memberId: 'one',
    local: localTasks(() => runtime),
    owners: () => runtime.owners(),
    peers: httpPeers({ clock: systemClock }),
    clock: systemClock,
  });
  // example: queries-http
  const server = await createHttpServer({ logger, metrics: createMetrics() });
  await serveQueries(server, queries);
  await servePeers(server, queries);
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  const response = await fetch(`${url}/stores/total/state?key=ann`);
  const { entries } = (await response.json()) as StoreAnswer;
  assert.equal(entries[0]?.value, 42);
  // end
  await server.close();
});
