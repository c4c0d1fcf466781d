import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { systemClock } from '#platform';
import { eventually } from '#platform/testing';
import { kafkaServer, ownRedis, registryServer } from '#servers';
import { commandLine, type Running, smallWorld } from '../testing/command-line.ts';

const users = Array.from({ length: 20 }, (_, i) => `u${i + 1}`);

/** How long the two run side by side, s: `MILLRACE_NEIGHBOURS_SECONDS=600` for the long run. */
const besideSeconds = Number(process.env.MILLRACE_NEIGHBOURS_SECONDS ?? 10);

type Answer = {
  readonly version: string;
  readonly degraded: string | null;
  readonly items: readonly { readonly item_id: string }[];
};

it('two installations on one Kafka, registry and Redis answer as each does alone', {
  timeout: 600_000 + 1000 * besideSeconds,
}, async (t) => {
  const kafka = await kafkaServer(t);
  const registry = await registryServer(t);
  const redis = await ownRedis(t);
  if (kafka === undefined || registry === undefined || redis === undefined) return;
  const installation = (name: string, seed: number) => {
    const prefix = `${name}-${process.pid}-`;
    return commandLine(t, {
      ...smallWorld,
      simulation: { ...smallWorld.simulation, seed },
      log: `${kafka.url}?prefix=${prefix}`,
      registry: `${registry.url}?prefix=${prefix}`,
      views: redis.url,
    });
  };
  const one = installation('one', 1).begin(['start', '--json']);
  const urlOfOne = await urlOf(one);
  // What only ranks strangers' countries and cohorts comes after the examples, for which a start waits.
  const alone = await settledAnswers(urlOfOne);
  assert.ok(alone.every(({ items }) => items.length > 0));

  const two = installation('two', 2).begin(['start', '--json']);
  const starting = urlOf(two);
  let isStarting = true;
  const started = starting.finally(() => {
    isStarting = false;
  });
  while (isStarting) assert.deepEqual(await answers(urlOfOne), alone);
  const urlOfTwo = await started;
  const aloneOfTwo = await settledAnswers(urlOfTwo);
  assert.notDeepEqual(aloneOfTwo, alone);

  const until = systemClock.monotonic() + 1000 * besideSeconds;
  let posted = 0;
  while (systemClock.monotonic() < until) {
    // What a stranger does in one of them changes nothing for anybody in the other.
    const event = { user_id: `stranger-${posted++}`, item_id: 'i1', kind: 'view' };
    const headers = { 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify(event) };
    assert.equal((await fetch(`${urlOfTwo}/events`, init)).status, 202);
    assert.deepEqual(await answers(urlOfOne), alone);
    await setTimeout(100);
  }
  assert.ok(posted > 0);
  // The other way round: two answers as before when one has gone.
  const before = await settledAnswers(urlOfTwo);
  assert.equal((await one.signal('SIGTERM')).code, 0);
  assert.deepEqual(await answers(urlOfTwo), before);
  assert.equal((await two.signal('SIGTERM')).code, 0);
});

/** When all that is on the topics has come through: they stay the same for ten seconds. */
async function settledAnswers(url: string): Promise<readonly Answer[]> {
  let before = await answers(url);
  for (let same = 0; same < 100; ) {
    await setTimeout(100);
    const now = await answers(url);
    same = isDeepStrictEqual(now, before) ? same + 1 : 0;
    before = now;
  }
  return before;
}

async function urlOf(running: Running): Promise<string> {
  const [, url = ''] = await running.until(/"url":"(http[^"]*)"/);
  return url;
}

/**
 * Version and items for each user; what differs from request to request by itself is left out. On a busy machine Redis
 * may answer too late, and the answer is made without the user's rows, and says so: it is asked for again.
 */
async function answers(url: string): Promise<readonly Answer[]> {
  const found: Answer[] = [];
  for (const user of users) {
    const { version, degraded, items } = await wholeAnswer(`${url}/recommend/${user}?k=5`);
    found.push({ version, degraded, items: items.map(({ item_id }) => ({ item_id })) });
  }
  return found;
}

async function wholeAnswer(url: string): Promise<Answer> {
  return eventually('an answer that is not degraded', async () => {
    const response = await fetch(url);
    assert.equal(response.status, 200, url);
    const answer = (await response.json()) as Answer;
    return answer.degraded === null && answer;
  });
}
