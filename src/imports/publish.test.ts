import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readableRecords, writeRecords } from '#engine';
import { openEmbeddedLog } from '#log';
import { systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { asGiven, type Pseudonyms } from '#privacy';
import { loneVault } from '#privacy/testing';
import type { Interaction } from '#schemas';
import { openTopics } from '#topologies';
import { findInput } from './input/files.ts';
import { publishSorted } from './publish.ts';
import { rankLens } from './ranklens/source.ts';
import { sortInput } from './sort-input.ts';
import type { Source } from './source.ts';
import { yoochoose } from './yoochoose/source.ts';

const step = { advance: () => {}, update: () => {}, done: () => {} };

async function opened(t: TestContext, pseudonyms: Pseudonyms = asGiven) {
  const directory = temporaryDirectory(t);
  const log = await openEmbeddedLog({ directory, clock: systemClock, synchronous: 'normal' });
  t.after(() => log.close());
  const topics = await openTopics(log, log.registry);
  const { signal } = new AbortController();
  const common = { log, topics, clock: systemClock, step, signal };
  return {
    log,
    topics,
    directory,
    sort: async (source: Source, path: string, runBytes = 4_096) => {
      const opened = source.open('');
      const { files } = await findInput(source, opened, [path]);
      const work = join(directory, 'import-work');
      return sortInput({
        ...common,
        identity: opened.identity,
        files,
        directory: work,
        pseudonyms,
        runBytes,
      });
    },
    publish: (sorted: Awaited<ReturnType<typeof sortInput>>, maxRecords?: number, aborted = signal) =>
      publishSorted(sorted, {
        ...common,
        signal: aborted,
        expiresByWallClock: false,
        dedupHorizonMs: 1_000,
        ...(maxRecords !== undefined && { maxRecords }),
      }),
    events: async () => {
      const events: Interaction[] = [];
      const options = { from: 'start', onUndecodable: () => {} } as const;
      for await (const records of readableRecords(log, topics.interactions, options)) {
        for (const { value } of records) if (value !== null) events.push(value);
      }
      return events;
    },
  };
}

const START = Date.UTC(2014, 3, 7);

/** Clicks of users in turn, a second apart, in a mixed order. */
function clicks(directory: string, count: number): string {
  const path = join(directory, 'clicks.csv');
  const rows = Array.from({ length: count }, (_, i) => {
    const second = (i * 7) % count;
    return `u${i % 5},${new Date(START + second * 1000).toISOString()},i${i % 3},0\n`;
  });
  writeFileSync(path, rows.join(''));
  return path;
}

test('every event is published once at each number of rows around the ends of transactions and runs', async (t) => {
  // Beside the events there are three items.
  for (const count of [1, 6, 7, 8, 16, 17, 18, 199]) {
    const { sort, publish, events, directory } = await opened(t);
    const sorted = await sort(yoochoose, clicks(directory, count), count === 199 ? 300 : 4_096);
    const { written } = await publish(sorted, 10);
    assert.equal(written, count + Math.min(3, count));
    const published = await events();
    assert.equal(published.length, count);
    assert.equal(new Set(published.map(({ user_id, event_id }) => `${user_id} ${event_id}`)).size, count);
    assert.deepEqual(await publish(sorted, 10), { written: 0, events: 0 }, 'nothing is left');
    assert.equal((await events()).length, count);
  }
});

test('an import that was stopped between transactions publishes the rest, and no more', async (t) => {
  const { sort, publish, events, directory } = await opened(t);
  const sorted = await sort(yoochoose, clicks(directory, 100));
  const stopping = new AbortController();
  let turns = 0;
  const stopped = {
    ...stopping.signal,
    throwIfAborted: () => assert.ok(++turns < 4, 'stopped'),
  } as AbortSignal;
  await assert.rejects(publish(sorted, 10, stopped), /stopped/);
  const before = (await events()).length;
  assert.ok(before > 0 && before < 100);
  const rest = await publish(sorted, 10);
  assert.equal(rest.events, 100 - before);
  assert.equal((await events()).length, 100);
});

test('a later data set follows; one that begins before the end of the log is refused', async (t) => {
  const { sort, publish, log, topics, directory } = await opened(t);
  await publish(await sort(yoochoose, clicks(directory, 100)));
  const path = join(directory, 'more.csv');
  writeFileSync(path, `u1,${new Date(START + 200_000).toISOString()},i1,0\n`);
  const later = await sort(yoochoose, path);
  assert.equal((await publish(later)).events, 1);
  writeFileSync(path, `u1,${new Date(START + 50_000).toISOString()},i1,0\n`);
  const early = await sort(yoochoose, path);
  await assert.rejects(publish(early), { code: 'MR_IMPORT_TOO_OLD', message: /begin on 2014-04-07/ });
  // A log with tables alone refuses nothing.
  await writeRecords(log, topics.items, []);
});

test('rankings are published as answers just before their impressions', async (t) => {
  const { sort, publish, log, topics, directory } = await opened(t);
  const ranking = { id: 5, liked: [2], shown: [1, 2], ts: '2021-11-15T01:30:00.000', user: 'alice' };
  const path = join(directory, 'ranking.jsonl');
  writeFileSync(path, `${JSON.stringify(ranking)}\n`);
  await publish(await sort(rankLens, path));
  const answers = [];
  const options = { from: 'start', onUndecodable: () => {} } as const;
  for await (const records of readableRecords(log, topics.answers, options)) answers.push(...records);
  assert.deepEqual(
    answers.map(({ key, value }) => [key, value?.request_id, value?.items.map(({ item_id }) => item_id)]),
    [['alice', '5', ['1', '2']]],
  );
});

test('users have pseudonyms; one who is erased while an import is interrupted gets no other one by it', async (t) => {
  const vault = await loneVault(t);
  const { sort, publish, events, directory } = await opened(t, vault);
  const sorted = await sort(yoochoose, clicks(directory, 20));
  const before = vault.known('u1');
  assert.ok(before !== undefined && before !== 'u1');
  await vault.forget('u1');
  await publish(await sort(yoochoose, join(directory, 'clicks.csv')));
  const names = new Set((await events()).map(({ user_id }) => user_id));
  assert.ok(names.has(before), 'the name that admission knows as erased');
  assert.equal(vault.known('u1'), undefined);
  assert.equal(names.size, 5);
  assert.equal(sorted.events, 20);
});
