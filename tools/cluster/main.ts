/**
 * `npm run cluster -- --seconds 600 --every 20`: processes of every role on real servers, under load, while one after the
 * other is killed with -9 and replaced by one with an empty disk. Exit code 1 if an acknowledged event is missing or counted
 * twice, a request has failed in the end, or state differs from what the log makes of it.
 */
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { seededRandom } from '#models';
import { startAll } from '../servers/start-all.ts';
import { publishItems } from './catalogue.ts';
import { Cluster } from './cluster.ts';
import { killAtRandom } from './kills.ts';
import { load } from './load.ts';
import { proveEvents, proveState } from './proof.ts';
import type { Counts } from './retrying-client.ts';

const ITEMS = 200;

const LAYOUT = {
  gateway: { roles: ['gateway'], replicas: 2 },
  responder: { roles: ['responder'], replicas: 2 },
  processors: { roles: ['processors'], replicas: 2 },
  trainer: { roles: ['trainer'], replicas: 2 },
  archive: { roles: ['archive', 'operations'], replicas: 1 },
};

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    every: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    events: { type: 'string', default: '100' },
    answers: { type: 'string', default: '20' },
  },
});
process.exitCode = (await run()) ? 0 : 1;

async function run(): Promise<boolean> {
  const begun = performance.now();
  const tell = (text: string) => console.log(`${((performance.now() - begun) / 1000).toFixed(0)} s: ${text}`);
  tell(`seed ${values.seed}`);
  const { kafka, registry, redis, stop } = await startAll(tell);
  const cluster = await Cluster.start(LAYOUT, {
    log: kafka.url,
    registry: registry.url,
    views: redis.url,
  });
  try {
    await publishItems(cluster, ITEMS);
    await cluster.untilReady();
    tell(`${cluster.replicas.length} processes are ready`);
    return await underLoad(cluster, tell);
  } finally {
    await cluster.remove();
    await stop();
  }
}

async function underLoad(cluster: Cluster, tell: (text: string) => void): Promise<boolean> {
  const seeded = seededRandom(Number(values.seed));
  const random = () => seeded.uniform();
  const [killing, loading] = [new AbortController(), new AbortController()];
  const loaded = load(cluster, {
    eventsPerSecond: Number(values.events),
    answersPerSecond: Number(values.answers),
    items: ITEMS,
    random,
    signal: loading.signal,
  });
  const killed = killAtRandom(cluster, {
    everyMs: 1_000 * Number(values.every),
    random,
    tell,
    signal: killing.signal,
  });
  await setTimeout(1_000 * Number(values.seconds));
  killing.abort();
  const kills = await killed;
  loading.abort();
  const { acknowledged, events, answers } = await loaded;
  tell(`killed: ${[...kills].map(([name, times]) => `${name} ${times}`).join(', ')}`);
  tell(`events: ${counted(events)}; ${acknowledged.size} acknowledged`);
  tell(`answers: ${counted(answers)}`);
  await cluster.untilReady();
  let proof = await proveEvents(cluster, acknowledged);
  for (let tries = 0; proof.missing > 0 && tries < 30; tries++) {
    await setTimeout(2_000);
    proof = await proveEvents(cluster, acknowledged);
  }
  tell(`accepted ${proof.accepted} events; missing ${proof.missing}, twice ${proof.twice}`);
  await cluster.stop();
  const replayed = await proveState(cluster);
  tell(`journals replayed: ${replayed.equal} equal; others: ${JSON.stringify(replayed.others)}`);
  const isWhole = proof.missing === 0 && proof.twice === 0;
  const isServed = events.failed === 0 && answers.failed === 0;
  return isWhole && isServed && replayed.others.every(({ result }) => result !== 'different');
}

function counted({ requests, retries, failed, longestMs }: Counts): string {
  return `${requests} requests, ${retries} tried again, ${failed} failed, the longest ${(longestMs / 1000).toFixed(1)} s`;
}
