import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { it, type TestContext } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { TASK_FAILPOINTS, type Topic, TopicReader, TopicWriter } from '#engine';
import { openEmbeddedLog } from '#log';
import { seededRandom } from '#models';
import { createLogger, systemClock } from '#platform';
import { temporaryDirectory, testSeed } from '#platform/testing';
import { type Answer, answerDefaults, answeredItemDefaults, type Interaction } from '#schemas';
import { item } from './testing/loop-driver.ts';
import { openTopics } from './topics.ts';

const EVENTS = 8_000;
const START_MS = Date.UTC(2026, 0, 1);
const WINDOW_MS = 1_800_000;
/** As many as no two of their periods below have a factor in common: each user does everything with each item. */
const KINDS = ['impression', 'view', 'click', 'complete', 'like', 'skip', 'purchase'] as const;

/**
 * Events of 60 users over 40 items in order of time; every tenth is sent twice, every fiftieth comes late, and every
 * hundredth so late that the windows of the examples before it have closed.
 */
function* events(): Generator<Interaction> {
  for (let i = 0; i < EVENTS; i++) {
    const event = {
      event_id: `e${i}`,
      user_id: `u${(i * 7919) % 60}`,
      item_id: `i${(i * 104729) % 40}`,
      kind: KINDS[i % KINDS.length] ?? 'view',
      value: KINDS[i % KINDS.length] === 'purchase' ? i : null,
      watch_ms: i % KINDS.length === 1 ? i : null,
      session_id: null,
      request_id: requestAt(i),
      context: { device: null, country: null, language: null },
      ts: START_MS + i * 1_000 - latenessMs(i),
      original_ts: null,
      item: null,
    };
    yield event;
    if (i % 10 === 9) yield event;
  }
}

/** Each user has an answer to every ten minutes; what comes of some is nothing that the log knows. */
const ANSWERED_EVENTS = 600;
const requestAt = (i: number): string | null => (i % 3 === 0 ? null : `r${Math.floor(i / ANSWERED_EVENTS)}`);

function* answers(): Generator<Answer> {
  const of = (item_id: string) => ({ ...answeredItemDefaults, item_id, score: 1, source: 'index' }) as const;
  for (let i = 0; i < EVENTS; i += ANSWERED_EVENTS) {
    for (let user = 0; user < 60; user++) {
      const asked = { request_id: `r${i / ANSWERED_EVENTS}`, user_id: `u${user}`, ts: START_MS + i * 1_000 };
      const items = Array.from({ length: 20 }, (_, at) => of(`i${(at * 3 + user) % 40}`));
      yield { ...answerDefaults, ...asked, version: `v${i % 7}`, k: 20, items, latency_ms: 1 };
    }
  }
}

function latenessMs(i: number): number {
  if (i % 50 !== 7) return 0;
  return i % 100 === 7 && i > 2_700 ? 2_700_000 : 30_000;
}

const openLog = (directory: string) =>
  openEmbeddedLog({
    directory,
    clock: systemClock,
    logger: createLogger({ level: 'error', name: 'test' }),
    synchronous: 'normal',
  });

async function writeInput(directory: string): Promise<void> {
  const log = await openLog(directory);
  const topics = await openTopics(log, log.registry);
  const items = await TopicWriter.open(log, topics.items);
  await items.write(
    Array.from({ length: 30 }, (_, i) => ({ key: `i${i}`, value: item(`i${i}`, `c${i % 5}`), timestamp: 0 })),
  );
  await items.close();
  const writer = await TopicWriter.open(log, topics.interactions);
  await writer.write(
    Array.from(events(), (event) => ({ key: event.user_id, value: event, timestamp: event.ts })),
  );
  const answered = await TopicWriter.open(log, topics.answers);
  await answered.write(
    Array.from(answers(), (value) => ({ key: value.user_id, value, timestamp: value.ts })),
  );
  await answered.close();
  // A record that no schema can read must not stop or repeat anything either.
  const producer = await log.producer();
  await producer.append('interactions', 0, [
    { key: Buffer.from('u0'), value: Buffer.from('not avro'), timestamp: START_MS },
  ]);
  await writer.announce(START_MS + EVENTS * 1_000 + WINDOW_MS + 1);
  await producer.close();
  await writer.close();
  await log.close();
}

type Outcome = Readonly<Record<string, readonly unknown[]>>;

/** What a run leaves behind: every record of the append-only outputs, the newest row of each view. */
async function outcome(directory: string): Promise<Outcome> {
  const log = await openLog(directory);
  const topics = await openTopics(log, log.registry);
  const all = async <V>(topic: Topic<string, V>, identity: (key: string, value: V | null) => string) => {
    const reader = await TopicReader.open(log, topic, { from: 'start' });
    const records: (readonly [string, unknown])[] = [];
    for await (const chunk of reader.untilEnd()) {
      for (const { key, value } of chunk) records.push([identity(key, value), value]);
    }
    await reader.close();
    return records;
  };
  const sorted = (records: readonly (readonly [string, unknown])[]) =>
    records.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const newest = (records: readonly (readonly [string, unknown])[]) => sorted([...new Map(records)]);
  const result = {
    accepted: sorted(await all(topics['interactions-accepted'], (_, event) => event?.event_id ?? '')),
    examples: sorted(await all(topics.examples, (_, example) => example?.event_id ?? '')),
    deadLetters: sorted(
      await all(topics['dead-letters'], (_, letter) => `${letter?.topic} ${letter?.offset}`),
    ),
    corrections: sorted(
      await all(topics['example-corrections'], (_, correction) => correction?.event_id ?? ''),
    ),
    ranks: sorted(await all(topics['popularity-ranks'], (_, ranks) => `${ranks?.ts}`)),
    users: newest(await all(topics['user-features-2'], (key) => key)),
    categories: newest(await all(topics['user-category-features-1'], (key) => key)),
    pairs: newest(await all(topics['user-item-features-1'], (key) => key)),
    items: newest(await all(topics['item-features-2'], (key) => key)),
    answerOutcomes: newest(await all(topics['answer-outcomes'], (key) => key)),
    answerContents: newest(await all(topics['answer-contents'], (key) => key)),
  };
  await log.close();
  return result;
}

class LoopProcess {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #exit: Promise<unknown[]>;
  readonly running: Promise<void>;

  constructor(t: TestContext, directory: string, failpoints = '') {
    const script = join(import.meta.dirname, 'testing', 'loop-process.ts');
    this.#child = spawn(process.execPath, [script, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, MILLRACE_FAILPOINTS: failpoints },
    });
    t.after(() => this.#child.kill('SIGKILL'));
    this.#exit = once(this.#child, 'exit');
    const { promise, resolve } = Promise.withResolvers<void>();
    this.running = promise;
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.#lines.push(line);
      resolve();
    });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** How it ended, and the digests that it printed when it ended by itself. */
  async ended(): Promise<{ signal: unknown; code: unknown; digests: unknown }> {
    const [code, signal] = await this.#exit;
    return { code, signal, digests: code === 0 ? JSON.parse(this.#lines.at(-1) ?? '') : undefined };
  }
}

async function undisturbed(t: TestContext) {
  const directory = temporaryDirectory(t);
  await writeInput(directory);
  const { code, digests } = await new LoopProcess(t, directory).ended();
  assert.equal(code, 0);
  return { digests, outcome: await outcome(directory) };
}

it('leaves what an undisturbed run leaves after kill -9 at every failpoint and at ten random moments', async (t) => {
  const expected = await undisturbed(t);
  const { accepted = [], examples = [], deadLetters = [], corrections = [], ranks = [] } = expected.outcome;
  assert.equal(accepted.length, EVENTS);
  const starting = new Set(
    Array.from(events())
      .filter(({ kind }) => kind !== 'skip')
      .map((e) => e.event_id),
  );
  assert.equal(examples.length, starting.size, 'an example for each impression and positive event');
  assert.ok(corrections.length > 0);
  assert.equal(ranks.length, 2, 'one for each hour that has passed');
  assert.equal(deadLetters.length, 1);
  assert.ok((expected.outcome.answerOutcomes ?? []).length > 8);
  const directory = temporaryDirectory(t);
  await writeInput(directory);

  for (const name of TASK_FAILPOINTS) {
    // A store that follows the log by a commit makes the restart replay a changelog's tail.
    if (name === 'restore.chunk') await killed(t, directory, 'commit.log.after=kill@2');
    const hit = name.startsWith('restore') || name.startsWith('assignment') ? 1 : 6;
    await killed(t, directory, `${name}=kill@${hit}`);
  }
  rmSync(join(directory, 'state', 'interactions-accepted-1'), { recursive: true });
  await killed(t, directory, 'restore.chunk=kill@1');

  const random = seededRandom(testSeed);
  for (let kill = 0; kill < 10; kill++) {
    const loop = new LoopProcess(t, directory);
    await loop.running;
    const delayMs = random.uniform() * 60;
    t.diagnostic(`killed ${delayMs.toFixed(1)} ms after the start`);
    await systemClock.sleep(delayMs);
    loop.kill();
    await loop.ended();
  }

  const { code, digests } = await new LoopProcess(t, directory).ended();
  assert.equal(code, 0);
  assertSameOutcome(await outcome(directory), expected.outcome);
  assert.deepEqual(digests, expected.digests);
});

/** Names the first record that differs: a diff of everything would take minutes. */
function assertSameOutcome(actual: Outcome, expected: Outcome): void {
  for (const [part, records] of Object.entries(expected)) {
    const found = actual[part] ?? [];
    const differs = records.findIndex((record, i) => !isDeepStrictEqual(record, found[i]));
    if (differs >= 0) assert.deepEqual(found[differs], records[differs], `${part}, record ${differs}`);
    assert.equal(found.length, records.length, `${part}: number of records`);
  }
}

async function killed(t: TestContext, directory: string, failpoints: string): Promise<void> {
  const { signal } = await new LoopProcess(t, directory, failpoints).ended();
  assert.equal(signal, 'SIGKILL', `${failpoints} was not reached`);
}
