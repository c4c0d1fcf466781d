/** What a snapshot adds of examples that still wait, from the loop topology itself. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Log } from '#log';
import { literal, takeSnapshot, waitingExamples, withDuckDb } from '#offline';
import { createLogger, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { RANK_TTL_MS } from '#processors';
import { answerDefaults, answeredItemDefaults } from '#schemas';
import {
  catalogue,
  decide,
  event,
  goOnTo,
  HOUR_MS,
  type Loop,
  MINUTE_MS,
  NOW,
  openLoop,
  publish,
  publishItems,
  WINDOW_MS,
} from './testing/loop-driver.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const LATER = NOW + 24 * HOUR_MS;
const clock = { ...systemClock, now: () => LATER };

const waitingIn = ({ driver }: Loop) => ({
  registry: driver.log.registry,
  outcomeWindowMs: WINDOW_MS,
  dedupHorizonMs: 24 * HOUR_MS,
  rankTtlMs: RANK_TTL_MS,
});

/** The examples of a snapshot taken now: event, place, click; in the order of events. */
async function snapshotOf(t: TestContext, loop: Loop): Promise<readonly unknown[]> {
  const { log } = loop.driver;
  const dataDirectory = temporaryDirectory(t);
  const { topics } = loop;
  const options = { log, topics, dataDirectory, clock, logger, waiting: waitingIn(loop) };
  const { directory } = await takeSnapshot(options);
  const path = join(dataDirectory, directory, 'examples.parquet');
  return withDuckDb(temporaryDirectory(t), async (database) => {
    const examples = `read_parquet(${literal(path)})`;
    return database.allValueRows(
      `SELECT event_id, "position", labels_click FROM ${examples} ORDER BY event_id`,
    );
  });
}

async function opened(t: TestContext): Promise<Loop> {
  const loop = await openLoop(t, { wallClockMs: LATER });
  await publishItems(loop, ...catalogue);
  return loop;
}

test('their place in the answer that showed them, nothing of users who were erased or opted out', async (t) => {
  const loop = await opened(t);
  const item = { ...answeredItemDefaults, score: 1, source: 'index', propensity: 1 } as const;
  const answer = { ...answerDefaults, request_id: 'r', user_id: 'u', version: null, k: 2, latency_ms: 1 };
  const items = [
    { ...item, item_id: 'j' },
    { ...item, item_id: 'i' },
  ];
  await loop.driver.pipe(loop.topics.answers, ['u', { ...answer, ts: NOW, items }, NOW]);
  await publish(
    loop,
    ...['u', 'v', 'w'].flatMap((user_id, n) => [
      event(`${user_id}1`, NOW + 3 * n + 1, { user_id, kind: 'impression', request_id: 'r' }),
      event(`${user_id}2`, NOW + 3 * n + 2, { user_id, kind: 'click', request_id: 'r' }),
    ]),
  );
  await decide(loop, 'v', 'opted_out');
  await decide(loop, 'w', 'erased');
  await goOnTo(loop, NOW + MINUTE_MS);
  assert.deepEqual(await snapshotOf(t, loop), [
    ['u1', 1, true],
    ['u2', 1, true],
  ]);
});

for (const beyond of [-1, 0, 1, 2]) {
  test(`an example once, ${beyond} ms beyond the end of its window`, async (t) => {
    const loop = await opened(t);
    await publish(loop, event('a', NOW, { kind: 'click' }));
    await goOnTo(loop, NOW + WINDOW_MS + beyond);
    assert.deepEqual(await snapshotOf(t, loop), [['a', null, true]]);
  });
}

test('an example once that a task ahead of the others has completed', async (t) => {
  const loop = await opened(t);
  const { topics, driver } = loop;
  await publish(loop, event('a', NOW), event('b', NOW + 1));
  await goOnTo(loop, NOW + MINUTE_MS);
  const at = { ends: [0], watermark: NOW };
  const source = { log: driver.log, topics, clock, logger };
  const waiting = await waitingExamples(source, waitingIn(loop), at);
  const ahead = waiting?.records.find(({ value }) => value?.event_id === 'a')?.value;
  assert.ok(ahead);
  await driver.pipe(topics.examples, [ahead.user_id, ahead, ahead.ts]);
  assert.deepEqual(await snapshotOf(t, loop), [
    ['a', null, false],
    ['b', null, false],
  ]);
});

/** For each reader of a topic, the sum of the offsets at which it began. */
function watched(log: Log): { readonly log: Log; readonly begun: Map<string, number[]> } {
  const begun = new Map<string, number[]>();
  const consumer: Log['consumer'] = async (...options) => {
    const opened = await log.consumer(...options);
    const { assign } = opened;
    opened.assign = (positions) => {
      const offsets = Map.groupBy(positions, ({ topic }) => topic);
      for (const [topic, places] of offsets) {
        const sum = places.reduce((total, { offset }) => total + offset, 0);
        begun.set(topic, [...(begun.get(topic) ?? []), sum]);
      }
      assign.call(opened, positions);
    };
    return opened;
  };
  const own = new Proxy(log, {
    get: (target, name) => {
      if (name === 'consumer') return consumer;
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { log: own, begun };
}

test('only what waits is read, and nothing in a live world', async (t) => {
  const loop = await opened(t);
  const { topics } = loop;
  const events = Array.from({ length: 50 }, (_, i) => event(`e${i}`, NOW + i * MINUTE_MS));
  await publish(loop, ...events);
  const last = NOW + 49 * MINUTE_MS + 1;
  await goOnTo(loop, last);
  const at = { ends: [0], watermark: last };
  const ended = watched(loop.driver.log);
  const found = await waitingExamples({ log: ended.log, topics, clock, logger }, waitingIn(loop), at);
  assert.deepEqual(
    found?.records.map(({ value }) => value?.event_id),
    events.slice(-30).map(({ event_id }) => event_id),
  );
  const [, read = []] = [...ended.begun].find(([topic]) => topic.includes('examples-by-user')) ?? [];
  // Partitions begin at their first example that waits: 20 of the user's lie before it.
  assert.equal(read.length, 1);
  assert.ok((read[0] ?? 0) >= 20, `read from offset ${read[0]}`);
  const live = watched(loop.driver.log);
  const now = { ...clock, now: () => last + MINUTE_MS };
  assert.equal(
    await waitingExamples({ log: live.log, topics, clock: now, logger }, waitingIn(loop), at),
    undefined,
  );
  assert.equal(live.begun.size, 0);
});

test('a watermark that took a leap with its last examples is found where they lie', async (t) => {
  const loop = await opened(t);
  const { driver, topics } = loop;
  await driver.pipe(topics.interactions, ['u', event('a', NOW), NOW]);
  await driver.announce(topics.interactions, NOW + 3 * HOUR_MS);
  await driver.settle();
  const at = { ends: [1], watermark: NOW + 3 * HOUR_MS };
  const source = { log: driver.log, topics, clock, logger };
  assert.deepEqual(await waitingExamples(source, waitingIn(loop), at), {
    watermark: NOW + 3 * HOUR_MS,
    records: [],
  });
});
