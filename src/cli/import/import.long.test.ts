import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';
import { interaction, writeEvents } from '../testing/event-log.ts';
import { movieLensCounts, writeMovieLens } from '../testing/movielens-directory.ts';

type Metrics = Readonly<Record<string, number>>;
type TrainLine = {
  readonly version: string;
  readonly protocol: string;
  readonly model: Metrics;
  readonly popularity: Metrics;
  readonly decayedPopularity: Metrics;
};

describe('import movielens', () => {
  it('reports malformed rows, buries them, and goes on; then trains and recommends', async (t) => {
    const { run, runEach, directory } = commandLine(t);
    const dataSet = writeMovieLens(join(directory, 'ml'), {
      'u.data': ['1\t2\t9\t880000000', 'not a rating'],
      'u.user': ['x|1|M|student|0'],
    });
    const imported = await run(['import', 'movielens', dataSet]);
    assert.equal(imported.code, 0);
    assert.match(imported.err, /malformed u\.data:1201: rating "9" is not 1, 2, 3, 4 or 5\n/);
    assert.match(imported.err, /malformed u\.data:1202: /);
    assert.match(imported.err, /malformed u\.user:41: /);
    assert.match(imported.out, /Imported 40 users, 30 items and 1,200 events .* malformed rows: 3\.\n/);

    const [buried, repeated, listed] = await runEach([
      ['events', 'tail', 'dead-letters'],
      ['import', 'movielens', dataSet, '--json'],
      ['topics', '--json'],
    ]);
    const letters = jsonLines<{ value: Record<string, unknown> }>(buried?.out ?? '');
    assert.deepEqual(
      letters.map(({ value: { topic, offset, reason, value } }) => [topic, offset, reason, value]),
      [
        ['u.data', 1201, 'MR_IMPORT_MALFORMED', '1\t2\t9\t880000000'],
        ['u.data', 1202, 'MR_IMPORT_MALFORMED', 'not a rating'],
        ['u.user', 41, 'MR_IMPORT_MALFORMED', 'x|1|M|student|0'],
      ],
    );

    const [again] = jsonLines<{ repeated: boolean; written: number }>(repeated?.out ?? '');
    assert.deepEqual([again?.repeated, again?.written], [true, 0]);
    const topics = jsonLines<{ topic: string; records: number }>(listed?.out ?? '');
    const records = new Map(topics.map((each) => [each.topic, each.records]));
    assert.equal(records.get('dead-letters'), 3);
    // One more in each partition: the word that the import is complete.
    assert.equal(records.get('interactions'), movieLensCounts.ratings + 4);

    const trained = await run(['train', '--seed', '5', '--json']);
    assert.equal(trained.code, 0, trained.err);
    const [line, ...others] = jsonLines<TrainLine>(trained.out);
    assert.equal(others.length, 0);
    for (const field of ['version', 'protocol'] as const) assert.equal(typeof line?.[field], 'string');
    for (const ranker of ['model', 'popularity', 'decayedPopularity'] as const) {
      for (const metric of ['recall@10', 'ndcg@10']) assert.equal(typeof line?.[ranker]?.[metric], 'number');
    }
    const [versions, answer] = await runEach([
      ['versions', '--json'],
      ['recommend', '7', '-k', '3', '--language', 'en'],
    ]);
    const [version] = jsonLines<{ version: string; serving: boolean }>(versions?.out ?? '');
    assert.deepEqual([version?.version, version?.serving], [line?.version, true]);
    assert.equal(answer?.code, 0, answer?.err ?? '');
    assert.match(answer?.out ?? '', /^For user 7, by version [0-9a-f]{16}, in /);
    assert.match(answer?.out ?? '', /\n1 {2}Film \d+ \(1995\) +\d+ +-?\d+\.\d{3} {2}index\n/);
  });

  it('writes no user id anywhere, in malformed rows either, and recommends by id', async (t) => {
    const { run, runEach, directory } = commandLine(t, { ...smallWorld, privacy: { userIds: 'pseudonyms' } });
    const dataSet = writeMovieLens(join(directory, 'ml'), {
      'u.user': ['987654321012|30|M|student|0', '987654321013|x|M|student|0'],
      'u.data': ['987654321012\t1\t5\t880001000', '987654321012\t1\t9\t880001000'],
      'u.item': ['no item'],
    });
    const imported = await run(['import', 'movielens', dataSet]);
    assert.equal(imported.code, 0, imported.err);
    assert.match(imported.err, /malformed u\.user:42: age "x" is not an age in years\n/);
    const data = join(directory, '.millrace');
    const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
    assert.ok(files.some(({ name }) => name === 'log.sqlite'));
    for (const { parentPath, name } of files) {
      assert.ok(!readFileSync(join(parentPath, name)).includes('9876543210'), name);
    }
    const [buried, newest, answer] = await runEach([
      ['events', 'tail', 'dead-letters'],
      ['events', 'tail', 'interactions', '-n', '1'],
      ['recommend', '987654321012', '-k', '1'],
    ]);
    const letters = jsonLines<{ value: { message: string; value: string | null } }>(buried?.out ?? '');
    assert.deepEqual(letters.map(({ value: { message, value } }) => [message, value]).sort(), [
      ['u.data:1202: the row cannot be read', null],
      ['u.item:31: 1 fields instead of 24', 'no item'],
      ['u.user:42: the row cannot be read', null],
    ]);
    const [rating] = jsonLines<{ key: string; value: { user_id: string; event_id: string } }>(
      newest?.out ?? '',
    );
    assert.match(rating?.key ?? '', /^[\w-]{22}$/);
    assert.equal(rating?.value.user_id, rating?.key);
    assert.match(rating?.value.event_id ?? '', /^[0-9a-f]{8}-\d+-\d+$/);
    assert.match(answer?.out ?? '', /^For user 987654321012, by no version yet/);
  });

  it('refuses what is no MovieLens folder, saying what was expected', async (t) => {
    const { run, directory } = commandLine(t);
    writeFileSync(join(directory, 'u.data'), 'hello\n');
    const { code, err } = await run(['import', 'movielens', directory]);
    assert.equal(code, 2);
    assert.match(
      err,
      /^error MR_IMPORT_UNRECOGNISED: .* there is no u\.item; found .*u\.data\.\nhint: Expected a MovieLens folder: u\.data/,
    );
  });

  it('refuses ratings that are older than what the log holds', async (t) => {
    const { run, directory } = commandLine(t);
    await writeEvents(directory, 'interactions', [interaction(0, Date.now())]);
    const { code, err } = await run(['import', 'movielens', writeMovieLens(join(directory, 'ml'))]);
    assert.equal(code, 2);
    assert.match(err, /^error MR_IMPORT_TOO_OLD: .*\nhint: .*--data DIR/m);
  });
});
