import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type LettersWorld, lettersWorld } from '#dead-letters/testing';
import { openEmbeddedLog, TRANSACTION_FAILPOINTS } from '#log';
import { systemClock } from '#platform';
import { eventually } from '#platform/testing';
import { type CommandLine, commandLine, jsonLines } from '../testing/command-line.ts';
import { kafkaLine } from '../testing/kafka-line.ts';

type Listed = { id: number; topic: string; key: string; reason: string; outcome: { outcome: string } | null };
type Failed = { error: { code: string; hint: string } };

/** Works with the log of a command line's data directory while no command does. */
async function onLog<T>({ directory }: CommandLine, work: (world: LettersWorld) => Promise<T>): Promise<T> {
  const data = join(directory, '.millrace');
  const log = await openEmbeddedLog({ directory: data, clock: systemClock, synchronous: 'normal' });
  try {
    return await work(await lettersWorld(log, log.registry));
  } finally {
    await log.close();
  }
}

async function withLetters(t: TestContext): Promise<CommandLine> {
  const line = commandLine(t, {});
  await onLog(line, async ({ append, letter }) => {
    const [one, two] = [await append('input', 1, 'ann', 'v'), await append('table', 0, 'bob', 'w')];
    await letter({ ...one, timestamp: Date.UTC(2026, 0, 30) });
    await letter(
      { ...two, timestamp: Date.UTC(2026, 1, 1) },
      { reason: 'MR_AVRO_DECODE', message: 'no Avro\nat all' },
    );
    await letter({ ...one, topic: '', offset: -1 });
  });
  return line;
}

const idsOf = (text: string) => jsonLines<Listed>(text).map(({ id }) => id);

describe('millrace dead-letters', { timeout: 600_000 }, () => {
  it('lists, shows, retries and drops', async (t) => {
    const line = await withLetters(t);
    const [table, json, ...filtered] = await line.runEach([
      ['dead-letters', 'list'],
      ['dead-letters', 'list', '--json'],
      ['dead-letters', 'list', '--json', '--reason', 'MR_AVRO_DECODE'],
      ['dead-letters', 'list', '--json', '--topic', 'input'],
      ['dead-letters', 'list', '--json', '--since', '2026-01-30T00:00:01Z'],
      ['dead-letters', 'list', '--json', '--until', '2026-01-31', '--since', '2026-01-01'],
      ['dead-letters', 'list', '--json', '-n', '1'],
    ]);
    assert.match(table?.out ?? '', /^1 +2026-02-01 00:00:00 +table\/0@0 +op +MR_AVRO_DECODE +no Avro$/m);
    assert.match(table?.out ?? '', /^2 +\S+ \S+ +- +op/m, 'a letter without a record');
    const [first] = jsonLines<Listed>(json?.out ?? '');
    assert.deepEqual([first?.id, first?.key, first?.outcome], [0, 'ann', null]);
    assert.deepEqual(
      filtered.map(({ out }) => idsOf(out)),
      [[1], [0], [1], [0], [2]],
    );

    const [shown, text] = await line.runEach([
      ['dead-letters', 'show', '1', '--json'],
      ['dead-letters', 'show', '1'],
    ]);
    const [letter] = jsonLines<{ value: string; headers: Record<string, string> }>(shown?.out ?? '');
    assert.equal(letter?.value, 'w');
    assert.equal(letter?.headers['__streams.errors.offset'], '0');
    assert.match(text?.out ?? '', /^message {5}no Avro\n {12}at all$/m);

    const dropped = await line.run(['dead-letters', 'drop', '1']);
    assert.deepEqual([dropped.code, dropped.out], [0, '1 letter dropped.\n']);
    const retried = await line.run(['dead-letters', 'retry', '--every']);
    assert.equal(retried.code, 1);
    assert.match(
      retried.out,
      /^1 letter retried\.\n1 letter had been .*\n1 letter cannot be retried:\n {2}MR_DEAD_LETTER_NO_RECORD: Letter 2 is about a timer/,
    );
    const again = await line.run(['dead-letters', 'retry', '--every', '--json']);
    assert.deepEqual(
      jsonLines<{ id: number; outcome: string }>(again.out).map(({ id, outcome }) => `${id} ${outcome}`),
      ['0 earlier', '1 earlier', '2 refused'],
    );
    const [open, all, events] = await line.runEach([
      ['dead-letters', 'list', '--json'],
      ['dead-letters', 'list', '--json', '--all'],
      ['events', 'tail', 'audit'],
    ]);
    assert.deepEqual(idsOf(open?.out ?? ''), [2]);
    assert.deepEqual(
      jsonLines<Listed>(all?.out ?? '').map(({ outcome }) => outcome?.outcome),
      ['retried', 'dropped', undefined],
    );
    const acts = jsonLines<{ value: { act: string; actor: string; details: object } }>(events?.out ?? '');
    assert.deepEqual(
      acts.map(({ value }) => [value.act, value.actor, value.details]),
      [
        ['dead-letters drop', userInfo().username, { letters: '1' }],
        ['dead-letters retry', userInfo().username, { letters: '0' }],
      ],
    );
    await onLog(line, async ({ values }) => assert.deepEqual(await values('input', 1), ['v', 'v']));
  });

  it('refuses records that several have processed', async (t) => {
    const line = commandLine(t, {});
    await onLog(line, async ({ append, letter }) =>
      letter(await append('interactions-accepted', 0, 'u', 'v')),
    );
    const { code, out } = await line.run(['dead-letters', 'retry', '0', '--json']);
    const [refused] = jsonLines<Failed>(out);
    assert.deepEqual([code, refused?.error.code], [1, 'MR_DEAD_LETTER_DERIVED']);
    assert.match(refused?.error.hint ?? '', /millrace replay/);
  });

  it('says what is wrong', async (t) => {
    const line = await withLetters(t);
    const wrong: readonly (readonly [args: string, code: string, message: RegExp])[] = [
      ['retry', 'MR_USAGE', /No letter is named/],
      ['drop', 'MR_USAGE', /No letter is named/],
      ['retry x', 'MR_USAGE', /x is no id/],
      ['show -- -1', 'MR_USAGE', /-1 is no id/],
      ['show 9', 'MR_DEAD_LETTER_UNKNOWN', /no dead letter 9/],
      ['retry 0 9', 'MR_DEAD_LETTER_UNKNOWN', /no dead letter 9/],
      ['list --since yesterday', 'MR_USAGE', /yesterday is no time/],
      ['list --since 2026-02-01 --until 2026-01-01', 'MR_USAGE', /not before/],
      ['list -n 0', 'MR_USAGE', /whole number/],
      ['list --data elsewhere', 'MR_DATA_EMPTY', /no data in .*elsewhere/],
    ];
    const printed = await line.runEach(wrong.map(([args]) => ['dead-letters', ...args.split(' ')]));
    for (const [i, [args, code, message]] of wrong.entries()) {
      assert.equal(printed[i]?.code, 2, args);
      assert.match(printed[i]?.err ?? '', new RegExp(`^error ${code}: .*${message.source}`), args);
    }
    await onLog(line, async ({ values }) => assert.deepEqual(await values('input', 1), ['v']));
  });

  it('killed at any step, and run again, has retried once', async (t) => {
    for (const step of ['opened', 'commit.before', 'commit.after']) {
      const line = await withLetters(t);
      const retry = ['dead-letters', 'retry', '0'];
      const killed = await line.run(retry, { MILLRACE_FAILPOINTS: `dead-letters.${step}=kill` });
      assert.equal(killed.signal, 'SIGKILL', step);
      assert.equal((await line.run(retry)).code, 0);
      await onLog(line, async ({ values }) => assert.deepEqual(await values('input', 1), ['v', 'v'], step));
    }
  });

  it('run by two people at once retries once', async (t) => {
    const line = await withLetters(t);
    const retry = ['dead-letters', 'retry', '0', '1'];
    const both = await Promise.all([line.run(retry), line.run(retry)]);
    for (const { code, err } of both) {
      if (code !== 0) assert.match(err, /MR_DEAD_LETTERS_FENCED/);
    }
    assert.ok(both.some(({ code }) => code === 0));
    await onLog(line, async ({ values }) => {
      assert.deepEqual(
        [await values('input', 1), await values('table', 0)],
        [
          ['v', 'v'],
          ['w', 'w'],
        ],
      );
    });
  });

  it('does the same on Kafka, killed at every step of its transaction', async (t) => {
    const kafka = await kafkaLine(t, 'letters');
    if (kafka === undefined) return;
    const { line, opened } = kafka;
    const world = await lettersWorld(opened.log, opened.registry);
    const steps = ['dead-letters.opened', 'dead-letters.commit.before', 'dead-letters.commit.after'];
    // A transaction without offsets takes no step for them.
    const taken = TRANSACTION_FAILPOINTS.filter((name) => name !== 'kafka.transaction.offsets');
    const expected: string[] = [];
    for (const step of [...steps, ...taken]) {
      // Brokers remove by the wall clock what is older than its retention.
      await world.letter(await world.append('input', 1, 'k', step, Date.now()));
      expected.push(step, step);
      const retry = ['dead-letters', 'retry', '--every', '--json'];
      const killed = await line.run(retry, { MILLRACE_FAILPOINTS: `${step}=kill` });
      assert.equal(killed.signal, 'SIGKILL', `${step}: ${killed.err}`);
      const again = await line.run(retry);
      assert.equal(again.code, 0, again.err);
      // Brokers show a transaction some ms after they have answered.
      await eventually(async () => (await world.values('input', 1)).length >= expected.length);
      assert.deepEqual(await world.values('input', 1), expected, step);
    }
  });
});
