/** Imports one after another, through the loop topology: nothing differs from one import of everything. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { readableRecords, TopicReader } from '#engine';
import { findInput, publishSorted, type Source, sortInput, sources } from '#imports';
import { waitingExamples } from '#offline';
import { createLogger, systemClock } from '#platform';
import { temporaryDirectory, testSeed } from '#platform/testing';
import { asGiven } from '#privacy';
import { RANK_TTL_MS } from '#processors';
import type { Example, Interaction } from '#schemas';
import {
  accepted,
  catalogue,
  event,
  examples,
  goOnTo,
  HOUR_MS,
  type Loop,
  MINUTE_MS,
  NOW,
  openLoop,
  publish,
  publishItems,
  WINDOW_MS,
  worlds,
} from './testing/loop-driver.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
/** The world stands still. */
const LATER = NOW + 24 * HOUR_MS;
const step = { advance: () => {}, update: () => {}, done: () => {} };
const { signal } = new AbortController();
const mappedFiles = sources.find(({ isMapped }) => isMapped) as Source;

const fields = ['event_id', 'user_id', 'item_id', 'kind', 'value', 'watch_ms'] as const;
const mapping = JSON.stringify({
  files: '*.jsonl',
  rows: 'events',
  fields: {
    ...Object.fromEntries(fields.map((name) => [name, name])),
    ts: { column: 'ts', time: 'milliseconds' },
  },
});

async function opened(t?: TestContext): Promise<Loop> {
  const loop = await openLoop(t, { wallClockMs: LATER });
  await publishItems(loop, ...catalogue);
  return loop;
}

async function importInto(
  { driver, topics }: Loop,
  directory: string,
  events: readonly Interaction[],
): Promise<void> {
  const path = join(directory, 'events.jsonl');
  writeFileSync(path, events.map((each) => `${JSON.stringify(each)}\n`).join(''));
  const source = mappedFiles.open(mapping);
  const { files } = await findInput(mappedFiles, source, [path]);
  const common = { log: driver.log, topics, clock: systemClock, step, signal };
  const work = {
    directory: join(directory, 'import-work'),
    pseudonyms: asGiven,
    identity: source.identity,
    files,
  };
  const sorted = await sortInput({ ...common, ...work });
  await publishSorted(sorted, { ...common, expiresByWallClock: false, dedupHorizonMs: 24 * HOUR_MS });
  await driver.settle();
}

const views = ['user-views/user-features', 'item-views/item-features'];
/** They forget by the watermark of their task, which stands where the first example waits: compared when none does. */
const labels = ['outcomes/recent', 'outcomes/ranks'];

const entriesOf = ({ driver }: Loop, stores: readonly string[]) =>
  Promise.all(stores.map(async (name) => [...(await driver.store(name))].sort()));

/** What a loop holds after all, with the examples that a snapshot adds now. */
async function stateOf(loop: Loop) {
  const entries = await entriesOf(loop, views);
  const admitted = (await accepted(loop)).sort((a, b) => (a.event_id < b.event_id ? -1 : 1));
  const all = [...(await waitingIn(loop)), ...(await examples(loop))];
  return { admitted, entries, examples: all.sort((a, b) => (a.event_id < b.event_id ? -1 : 1)) };
}

async function waitingIn({ driver, topics }: Loop): Promise<readonly Example[]> {
  const { log } = driver;
  const reader = await TopicReader.open(log, topics.examples, { from: 'start' });
  const complete = new Set<string>();
  for await (const records of reader.untilEnd())
    for (const { value } of records) complete.add(value?.event_id ?? '');
  const options = {
    registry: log.registry,
    outcomeWindowMs: WINDOW_MS,
    dedupHorizonMs: 24 * HOUR_MS,
    rankTtlMs: RANK_TTL_MS,
  };
  const clock = { ...systemClock, now: () => LATER };
  const at = { ends: reader.positions, watermark: Math.min(...reader.watermarks) };
  await reader.close();
  const waiting = await waitingExamples({ log, topics, clock, logger }, options, at);
  return (waiting?.records ?? []).flatMap(({ value }) =>
    value === null || complete.has(value.event_id) ? [] : [value],
  );
}

test('imports of any parts of a file give what one import gives, complete examples and waiting ones', async (t) => {
  const directory = temporaryDirectory(t);
  const cuts = fc.array(fc.nat(60), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(worlds({ late: false, maxLength: 40 }), cuts, async (events, places) => {
      fc.pre(events.length > 0);
      const whole = await opened();
      const parts = await opened();
      const closed = await opened();
      try {
        await importInto(whole, directory, events);
        // Events of one time are imported together.
        const isCut = (i: number) => events[i - 1]?.ts !== events[i]?.ts;
        const ends = [
          ...new Set(places.map((place) => place % events.length).filter((i) => i > 0 && isCut(i))),
        ];
        const edges = [0, ...ends.toSorted((a, b) => a - b), events.length];
        for (let i = 1; i < edges.length; i++)
          await importInto(parts, directory, events.slice(edges[i - 1], edges[i]));
        const expected = await stateOf(whole);
        assert.deepEqual(await stateOf(parts), expected);
        assert.deepEqual(
          expected.admitted.map(({ ts }) => ts).toSorted(),
          events.map(({ ts }) => ts).toSorted(),
        );
        assert.ok(expected.admitted.every(({ original_ts }) => original_ts === null));

        // What waits is labelled as if time had gone on.
        const closing = (events.at(-1)?.ts ?? 0) + 2 + WINDOW_MS;
        await publish(closed, ...events);
        for (const loop of [whole, parts, closed]) await goOnTo(loop, closing);
        assert.deepEqual(expected.examples, await examples(closed));
        const left = await entriesOf(whole, [...views, ...labels]);
        for (const loop of [parts, closed])
          assert.deepEqual(await entriesOf(loop, [...views, ...labels]), left);
      } finally {
        for (const loop of [whole, parts, closed]) await loop.driver.close();
      }
    }),
    { seed: testSeed, numRuns: 4, endOnFailure: true },
  );
});

test('live events after an import keep their times', async (t) => {
  const loop = await opened(t);
  const last = LATER - 60_000;
  await importInto(loop, temporaryDirectory(t), [
    event('a', last - MINUTE_MS, { kind: 'like' }),
    event('b', last),
  ]);
  await publish(loop, event('c', LATER), event('d', LATER + 1, { user_id: 'v' }));
  assert.deepEqual(
    (await accepted(loop)).map(({ event_id, ts, original_ts }) => [event_id, ts, original_ts]).sort(),
    [
      ['a', last - MINUTE_MS, null],
      ['b', last, null],
      ['c', LATER, null],
      ['d', LATER + 1, null],
    ],
  );
});

test('nothing is completed early while the world goes on, or while events are still to be processed', async (t) => {
  const loop = await opened(t);
  const { driver, topics } = loop;
  const directory = temporaryDirectory(t);
  await importInto(loop, directory, [event('a', NOW)]);
  assert.equal((await waitingIn(loop)).length, 1);
  await driver.pipe(topics.interactions, [
    'u',
    event('b', NOW + MINUTE_MS, { kind: 'like' }),
    NOW + MINUTE_MS,
  ]);
  assert.deepEqual(await waitingIn(loop), []);
  const live = await opened(t);
  await importInto(live, directory, [event('a', LATER - 60_000)]);
  assert.deepEqual(await waitingIn(live), []);
  for await (const records of readableRecords(driver.log, topics['example-corrections']))
    assert.deepEqual(records, []);
});
