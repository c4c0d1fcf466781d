import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { commandLine, jsonLines } from '../testing/command-line.ts';
import { writeFiles, writeMovieLens25M } from '../testing/data-sets.ts';
import { readTopic } from '../testing/event-log.ts';

/** Three transactions and a little more. */
const RATINGS = 62_001;
const events = (directory: string, data: string) => readTopic(join(directory, data), 'interactions');

type Summary = { readonly events: number; readonly written: number; readonly repeated: boolean };

async function assertSame(directory: string, data: string, expected: string): Promise<void> {
  for (const topic of ['interactions', 'items', 'users'] as const) {
    const [actual, undisturbed] = await Promise.all([
      readTopic(join(directory, data), topic),
      readTopic(join(directory, expected), topic),
    ]);
    assert.deepEqual(actual, undisturbed, topic);
  }
}

function prepared(t: TestContext) {
  const line = commandLine(t);
  const dataSet = writeMovieLens25M(join(line.directory, 'ml'), RATINGS);
  return { ...line, dataSet };
}

describe('an import that is interrupted', { concurrency: 1 }, () => {
  it('continues where it was after kills at every step, with each event once and in order', async (t) => {
    const { run, directory, dataSet } = prepared(t);
    const whole = await run(['import', 'movielens', dataSet, '--data', 'whole', '--json']);
    assert.equal(whole.code, 0, whole.err);
    assert.equal(jsonLines<Summary>(whole.out)[0]?.written, RATINGS);
    const times = (await events(directory, 'whole')).map((list) => list.map(({ ts }) => ts));
    for (const list of times)
      assert.deepEqual(
        list,
        list.toSorted((a, b) => a - b),
        'in the order of time',
      );
    assert.equal(times.flat().length, RATINGS);

    const kills = [
      'import.read=kill@3',
      'import.sorted=kill',
      'import.commit.before=kill',
      'import.commit.before=kill@2',
      'import.commit.after=kill@1',
      'import.commit.after=kill@1',
      'import.announce=kill',
    ];
    for (const kill of kills) {
      const { signal } = await run(['import', 'movielens', dataSet, '--data', 'killed'], {
        MILLRACE_FAILPOINTS: kill,
      });
      assert.equal(signal, 'SIGKILL', kill);
    }
    const last = await run(['import', 'movielens', dataSet, '--data', 'killed', '--json']);
    assert.equal(last.code, 0, last.err);
    const [summary] = jsonLines<Summary>(last.out);
    assert.deepEqual([summary?.events, summary?.written, summary?.repeated], [RATINGS, 0, false]);
    await assertSame(directory, 'killed', 'whole');
    assert.ok(!existsSync(join(directory, 'killed/import-work')));
    const again = await run(['import', 'movielens', dataSet, '--data', 'killed']);
    assert.match(again.out, /was imported before: nothing to do/);
  });

  it('is recognised by its contents when it comes again on standard input, under kills as well', async (t) => {
    const { run, directory, dataSet } = prepared(t);
    const ratings = join(dataSet, 'ratings.csv');
    await run(['import', 'movielens', ratings, '--data', 'whole']);
    const packed = writeFiles(join(directory, 'gz'), { 'ratings.csv.gz': gzipSync(readFileSync(ratings)) });
    const stdin = { stdin: join(packed, 'ratings.csv.gz') };
    const piped = ['import', 'movielens', '-', '--as', 'ratings.csv', '--data', 'piped', '--json'];
    for (const kill of ['import.commit.after=kill@2', 'import.commit.before=kill']) {
      const { signal } = await run(piped, { MILLRACE_FAILPOINTS: kill }, stdin);
      assert.equal(signal, 'SIGKILL', kill);
    }
    const last = await run(piped, {}, stdin);
    assert.equal(last.code, 0, last.err);
    const written = jsonLines<Summary>(last.out)[0]?.written ?? 0;
    assert.ok(written > 0 && written < RATINGS, `${written} were left`);
    await assertSame(directory, 'piped', 'whole');
    const again = await run(piped, {}, stdin);
    assert.equal(jsonLines<Summary>(again.out)[0]?.repeated, true);
  });

  it('ends cleanly on Ctrl-C and says how to continue', async (t) => {
    const { begin, run, directory, dataSet } = prepared(t);
    await run(['import', 'movielens', dataSet, '--data', 'whole']);
    const command = ['import', 'movielens', dataSet, '--data', 'stopped'];
    const stopped = begin(command, { MILLRACE_FAILPOINTS: 'import.commit.after=stall:5000' });
    await stopped.until(/Reading, bytes: 100%/);
    await new Promise((resolve) => setTimeout(resolve, 400));
    const { code, err } = await stopped.signal('SIGINT');
    assert.equal(code, 130, err);
    assert.match(
      err,
      /Interrupted\. The same command continues where this import was; nothing is published twice\./,
    );
    const last = await run(command);
    assert.equal(last.code, 0, last.err);
    await assertSame(directory, 'stopped', 'whole');
  });
});
