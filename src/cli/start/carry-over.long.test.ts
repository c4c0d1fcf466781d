import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { openEmbeddedLog } from '#log';
import { createLogger, systemClock } from '#platform';
import { eventually } from '#platform/testing';
import { LOOP_GENERATION } from '#topologies';
import { type CommandLine, jsonLines, type Running } from '../testing/command-line.ts';
import { earlierDirectory as earlierDirectoryOf, preloaded } from '../testing/earlier-directory.ts';

/** Shortly after the data was made, at the same time in every start: what follows the wall clock comes out alike. */
const STARTED_AT = Date.UTC(2025, 0, 15, 18, 30);
const LATENESS_MS = 600_000;
const today = preloaded('winter-clock.ts');
const raised = preloaded('winter-clock.ts', 'raised-generation.ts');
const NEXT = LOOP_GENERATION + 1;

const configuration = {
  http: { port: 0 },
  simulation: { liveEventsPerSecond: 0 },
  admission: { dedupHorizonMs: 3_000_000_000_000, latenessMs: LATENESS_MS },
  training: { schedule: 'off', refresh: 'off' },
  versions: { gates: {}, production: 'any' },
  gate: { minimumLift: 0 },
};

const earlierDirectory = (t: TestContext) => earlierDirectoryOf(t, configuration);

type Outcome = Readonly<Record<string, readonly (readonly [key: string, value: string])[]>>;

/**
 * All records of append-only topics, sorted, and the newest of each key of compacted ones, among them the changelogs of
 * every store. What a start answers by itself is left out, as are the processors' own notes.
 */
async function outcome({ directory }: CommandLine): Promise<Outcome> {
  const logger = createLogger({ level: 'error', name: 'test' });
  const data = join(directory, '.millrace');
  const log = await openEmbeddedLog({ directory: data, clock: systemClock, logger });
  const found: Record<string, [string, string][]> = {};
  try {
    const consumer = await log.consumer();
    for (const { name, cleanup, offsets } of await log.describeTopics()) {
      if (/-(journal|manifest|repartition)$|^answers$|-served-|^archive-files$/.test(name)) continue;
      // There are as many answers as starts.
      if (/^answer-|-answer-quality-/.test(name)) continue;
      const records: [string, string][] = [];
      for (const [partition, { start, stable }] of offsets.entries()) {
        const place = { topic: name, partition };
        consumer.assign([{ ...place, offset: start }]);
        while ((consumer.position(place) ?? stable) < stable) {
          for (const batch of await consumer.poll(1_000)) {
            for (let i = 0; i < batch.count; i++) {
              if (batch.isEmpty(i)) continue;
              const bytes = batch.value(i)?.toString('hex') ?? 'deleted';
              // No key is sealed twice to the same bytes.
              const value = name === 'vault' && bytes !== 'deleted' ? 'sealed' : bytes;
              records.push([`${partition} ${batch.keyText(i)}`, value]);
            }
          }
        }
      }
      const isTable = cleanup.policy === 'compact';
      const kept = isTable ? [...new Map(records)].filter(([, value]) => value !== 'deleted') : records;
      found[name.replace(/^loop-\d+-/, '')] = kept.sort(([a, b], [c, d]) =>
        a < c || (a === c && b < d) ? -1 : 1,
      );
    }
    await consumer.close();
  } finally {
    await log.close();
  }
  return found;
}

type Tailed<V> = { readonly key: string; readonly value: V };

async function tailed<V>(line: CommandLine, topic: string): Promise<readonly Tailed<V>[]> {
  const { out } = await line.run(['events', 'tail', topic, '-n', '1000'], raised);
  return jsonLines<Tailed<V>>(out);
}

async function givenAnswers(line: CommandLine): Promise<number> {
  return (await tailed(line, 'answers')).length;
}

async function countedAnswers(line: CommandLine): Promise<number> {
  const rows = await tailed<{ readonly answers: number }>(line, 'answer-outcomes');
  const newest = new Map(rows.map(({ key, value }) => [key, value.answers]));
  return [...newest.values()].reduce((sum, answers) => sum + answers, 0);
}

async function serving(running: Running): Promise<string> {
  return (await running.until(/Serving +(http:\/\/[\d.:]+)/))[1] as string;
}

/** Two events that are in the data already, one of a user who has opted out, and new ones on every partition. */
const posted = [
  { event_id: 'own-1', user_id: 'u1', item_id: 'i1' },
  { event_id: 'own-2', user_id: 'u2', item_id: 'i2' },
  { event_id: 'own-4', user_id: 'u7', item_id: 'i3' },
  ...Array.from({ length: 20 }, (_, i) => {
    return { event_id: `new-${i}`, user_id: `u${i + 10}`, item_id: `i${i + 1}` };
  }),
].map((event, i) => ({ ...event, kind: 'click', ts: STARTED_AT + i }));
const expectedCounts = { accepted: 20, duplicate: 2, 'opted-out': 1 };

async function postEvents(url: string): Promise<void> {
  for (const event of posted) {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}/events`, { method: 'POST', headers, body: JSON.stringify(event) });
    assert.equal(response.status, 202, await response.text());
  }
}

/** What became of the posted events, once that is decided. */
async function decided(url: string): Promise<Record<string, number>> {
  return eventually(async () => {
    const text = await (await fetch(`${url}/metrics`)).text();
    const outcomes = [...text.matchAll(/admission_events_total\{outcome="([^"]+)"\} (\d+)$/gm)];
    const counts = Object.fromEntries(outcomes.map(([, name, count]) => [name as string, Number(count)]));
    return Object.values(counts).reduce((sum, count) => sum + count, 0) >= posted.length && counts;
  });
}

/** Resolves when every task but that of commands has seen that the time of the data is over. */
async function timeHasPassed(url: string): Promise<void> {
  await eventually(async () => {
    const text = await (await fetch(`${url}/metrics`)).text();
    const watermarks = [...text.matchAll(/engine_task_watermark_ms\{task="(?!commands)[^"]+"\} (\S+)$/gm)];
    const least = Math.min(...watermarks.map(([, ms]) => Number(ms)));
    return watermarks.length > 0 && least >= STARTED_AT - LATENESS_MS;
  });
}

/** Posts the events to a start, and has another one process what is left of them. */
async function goOn(line: CommandLine, start: Running, environment: Record<string, string>) {
  const url = await serving(start);
  await postEvents(url);
  const counts = await decided(url);
  await timeHasPassed(url);
  assert.equal((await start.signal('SIGTERM')).code, 0);
  const again = line.begin(['start'], environment);
  await serving(again);
  assert.equal((await again.signal('SIGTERM')).code, 0);
  return counts;
}

it('a data directory of an earlier release goes on in the next generation, cut off on the way or not', async (t) => {
  const undisturbed = earlierDirectory(t);
  assert.deepEqual(await goOn(undisturbed, undisturbed.begin(['start'], today), today), expectedCounts);
  const expected = await outcome(undisturbed);
  const written = (await outcome(earlierDirectory(t))).examples ?? [];
  assert.ok((expected.examples?.length ?? 0) >= written.length + 10, 'examples wait in repartition topics');

  const line = earlierDirectory(t);
  for (const failpoint of [
    'carry-over.copied=kill@9',
    'carry-over.switch.before=kill',
    'carry-over.removed=kill@4',
  ]) {
    const killed = await line.run(['start'], { ...raised, MILLRACE_FAILPOINTS: failpoint });
    assert.equal(killed.signal, 'SIGKILL', `${failpoint}: ${killed.err}`);
  }
  const start = line.begin(['start'], raised);
  const url = await serving(start);
  await start.until(/Carried over the state of an earlier release/);
  const answer = await (await fetch(`${url}/recommend/u1?k=3`)).json();
  assert.equal((answer as { items: unknown[] }).items.length, 3);
  assert.deepEqual(await goOn(line, start, raised), expectedCounts);

  const found = await outcome(line);
  assert.deepEqual(Object.keys(found), Object.keys(expected));
  for (const [topic, records] of Object.entries(expected)) assert.deepEqual(found[topic], records, topic);
  // The release that made the data counted none.
  const given = (await givenAnswers(line)) - (await givenAnswers(earlierDirectory(t)));
  assert.ok(given > 0);
  assert.equal(await countedAnswers(line), given, 'each answer counts once');
  const state = readdirSync(join(line.directory, '.millrace', 'state'));
  assert.deepEqual(state, [`loop-${NEXT}`]);
  // An earlier release would process everything once more.
  const earlier = await line.run(['start'], today);
  assert.equal(earlier.code, 2);
  assert.match(earlier.err, /^error MR_DATA_NEWER: /m);
});

/** A data directory in which an instance of the earlier release still has its share of the tasks. */
async function withInstance(t: TestContext) {
  const line = earlierDirectory(t);
  const logger = createLogger({ level: 'error', name: 'test' });
  const log = await openEmbeddedLog({
    directory: join(line.directory, '.millrace'),
    clock: systemClock,
    logger,
  });
  t.after(() => log.close());
  const instance = await log.joinGroup({
    group: `loop-${LOOP_GENERATION}`,
    memberId: 'other',
    metadata: Buffer.alloc(0),
    sessionTimeoutMs: 600_000,
    assign: () => new Map(),
  });
  return { line, log, instance };
}

it('answers are served and events taken while an instance of the earlier release still runs', async (t) => {
  const { line, instance } = await withInstance(t);
  const start = line.begin(['start'], raised);
  const url = await serving(start);
  await start.until(/Waiting to carry over the state of an earlier release/);
  const answer = await (await fetch(`${url}/recommend/u1?k=3`)).json();
  assert.equal((answer as { items: unknown[] }).items.length, 3);
  await postEvents(url);
  assert.deepEqual(await (await fetch(`${url}/stores`)).json(), { stores: [] });
  const refused = await fetch(`${url}/stores/user-views/user-features?key=u1`);
  assert.equal(refused.status, 503);
  assert.equal((await fetch(`${url}/health/ready`)).status, 200);
  await instance.leave();
  await start.until(/Carried over the state of an earlier release: [1-9]/);
  assert.deepEqual(await decided(url), expectedCounts);
  assert.match(await (await fetch(`${url}/metrics`)).text(), /carry_over_remaining_records 0$/m);
  assert.equal((await start.signal('SIGTERM')).code, 0);
});

it('a start that is stopped while it waits to carry over leaves everything as it was', async (t) => {
  const { line, log } = await withInstance(t);
  const own = async () => (await log.describeTopics()).filter(({ name }) => name.startsWith('loop-'));
  const before = await own();
  const start = line.begin(['start'], raised);
  await serving(start);
  await start.until(/Waiting to carry over/);
  assert.equal((await start.signal('SIGTERM')).code, 0);
  assert.deepEqual(await own(), before);
});

it('other commands carry over before they process', async (t) => {
  const line = earlierDirectory(t);
  const taken = await line.run(['snapshot', '--json'], raised);
  assert.equal(taken.code, 0, taken.err);
  const topics = await line.run(['topics'], raised);
  assert.match(topics.out, new RegExp(`^loop-${NEXT}-manifest `, 'm'));
  assert.doesNotMatch(topics.out, new RegExp(`^loop-${LOOP_GENERATION}-`, 'm'));
});
