import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';
import { lines, writeFiles, writeMovieLens25M } from '../testing/data-sets.ts';
import { readTopic } from '../testing/event-log.ts';

type Summary = Readonly<Record<string, unknown>>;

const mapping = JSON.stringify([
  {
    files: 'events-*.csv',
    rows: 'events',
    fields: {
      user_id: 'visitor',
      item_id: 'item',
      kind: 'event',
      ts: { column: 'at', time: 'milliseconds' },
    },
  },
  { files: '*.jsonl', rows: 'items', fields: { item_id: 'id', title: 'name' } },
]);

describe('import, by format', { concurrency: 2 }, () => {
  it('imports MovieLens as CSV, half stars and quoted titles included, and leaves other files out', async (t) => {
    const { run, directory } = commandLine(t);
    const dataSet = writeMovieLens25M(join(directory, 'ml-25m'), 500);
    const { code, out, err } = await run(['import', 'movielens', dataSet]);
    assert.equal(code, 0, err);
    assert.match(err, /Left out: README\.txt, tags\.csv\n/);
    assert.match(out, /^Imported 150 items and 500 events in .* no row was malformed\.\n/);
    const data = join(directory, '.millrace');
    const events = (await readTopic(data, 'interactions')).flat();
    assert.deepEqual(new Set(events.map(({ value }) => value)).size, 10);
    const titles = (await readTopic(data, 'items')).flat().map(({ title }) => title);
    assert.ok(titles.includes('Film, The "1" (1995)'));
  });

  it('imports RankLens: impressions and interactions with their request, and positions', async (t) => {
    const { run, directory } = commandLine(t);
    const at = { timestamp: '1636907100000' };
    const rows = [
      { event: 'item', id: 'e', ...at, item: '1', fields: [{ name: 'title', value: 'One' }] },
      { event: 'user', id: 'e', ...at, user: 'u' },
      { event: 'ranking', id: 'r', ...at, user: 'u', items: [{ id: '2' }, { id: '1' }] },
      { event: 'interaction', id: 'i', ...at, user: 'u', ranking: 'r', type: 'click', item: '1' },
    ];
    const packed = { 'events.jsonl.gz': gzipSync(lines(rows.map((row) => JSON.stringify(row)))) };
    const folder = writeFiles(join(directory, 'ranklens'), packed);
    const { code, out, err } = await run(['import', 'ranklens', folder]);
    assert.equal(code, 0, err);
    assert.match(out, /^Imported 1 user, 1 item, 1 ranking and 3 events in /);
    const data = join(directory, '.millrace');
    const [answer] = (await readTopic(data, 'answers')).flat();
    assert.deepEqual(
      answer?.items.map(({ item_id }) => item_id),
      ['2', '1'],
    );
    const events = (await readTopic(data, 'interactions')).flat();
    assert.deepEqual(
      events.map(({ kind, item_id, request_id }) => [kind, item_id, request_id]),
      [
        ['impression', '2', 'r'],
        ['impression', '1', 'r'],
        ['click', '1', 'r'],
      ],
    );
  });

  it('imports click logs without header from standard input', async (t) => {
    const { run, directory } = commandLine(t);
    const clicks = [
      '1,2014-04-07T10:51:09.277Z,214536502,0',
      '2,2014-04-07T10:51:08.000Z,214536500,7',
      '3,x,1,0',
    ];
    const { clicks: stdin } = { clicks: join(writeFiles(directory, { clicks: lines(clicks) }), 'clicks') };
    const { code, out, err } = await run(['import', 'yoochoose', '-', '--json'], {}, { stdin });
    assert.equal(code, 0, err);
    const [summary] = jsonLines<Summary>(out);
    assert.deepEqual([summary?.events, summary?.items, summary?.malformed], [2, 2, 1]);
    assert.match(err, /"file":"standard input","line":3,"reason":"time \\"x\\" is not ISO 8601"/);
    const events = (await readTopic(join(directory, '.millrace'), 'interactions')).flat();
    assert.deepEqual(events.map(({ user_id, kind }) => [user_id, kind]).sort(), [
      ['1', 'click'],
      ['2', 'click'],
    ]);
  });

  it('imports any files by a mapping; a dry run shows what it would, and makes nothing', async (t) => {
    const { run, directory } = commandLine(t, { ...smallWorld, privacy: { userIds: 'pseudonyms' } });
    const folder = writeFiles(join(directory, 'shop'), {
      'events-1.csv': lines([
        'at,item,event,visitor',
        '1400000000000,i1,view,ann@example.org',
        '1,i1,stare,ann',
      ]),
      'events-2.csv.gz': gzipSync(lines(['item,event,visitor,at', 'i1,click,ann@example.org,1400000001000'])),
      'items.jsonl': lines(['{"id":"i1","name":"One"}']),
      'pictures.zip': '',
    });
    const files = writeFiles(directory, { 'mapping.json': mapping });
    const command = ['import', 'files', folder, '--mapping', join(files, 'mapping.json')];
    const dry = await run([...command, '--dry-run']);
    assert.equal(dry.code, 0, dry.err);
    assert.match(dry.out, /"user_id":"ann@example\.org","item_id":"i1","kind":"view"/);
    assert.match(
      dry.out,
      /Would import 0 users, 1 items, 0 rankings and 2 events; malformed rows: 1\. Nothing was published\.\n$/,
    );
    assert.match(dry.err, /malformed events-1\.csv:3: kind "stare" is not one of impression/);
    assert.ok(!existsSync(join(directory, '.millrace')));

    const { code, out, err } = await run(command);
    assert.equal(code, 0, err);
    assert.match(out, /^Imported 1 item and 2 events in .*; malformed rows: 1\.\n/);
    const data = join(directory, '.millrace');
    const events = (await readTopic(data, 'interactions')).flat();
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['view', 'click'],
    );
    assert.match(events[0]?.user_id ?? '', /^[\w-]{22}$/);
    const [letter] = (await readTopic(data, 'dead-letters')).flat();
    assert.deepEqual([letter?.message, letter?.value], ['events-1.csv:3: the row cannot be read', null]);
  });

  it('says what is wrong with paths and options', async (t) => {
    const { runEach, directory } = commandLine(t);
    writeFiles(directory, { 'mapping.json': mapping, 'other.txt': 'x' });
    const said = await runEach([
      ['import', 'files', 'other.txt', '--mapping', 'mapping.json'],
      ['import', 'files', 'other.txt', '--mapping', 'nowhere.json'],
      ['import', 'files', 'other.txt'],
      ['import', 'movielens', '-'],
      ['import', 'movielens', '-', '--as', 'other.txt'],
      ['import', 'movielens', 'nowhere'],
      ['import', 'things', 'other.txt'],
    ]);
    const expected = [
      /MR_IMPORT_UNRECOGNISED: other\.txt is not files: the name of the file is not among those/,
      /MR_USAGE: nowhere\.json cannot be read/,
      /MR_USAGE: Required option '--mapping <file>' not specified/,
      /MR_IMPORT_UNRECOGNISED: standard input is not movielens: say with --as which file it stands for/,
      /MR_IMPORT_UNRECOGNISED: standard input is not movielens: --as other\.txt names no file of it/,
      /MR_IMPORT_UNRECOGNISED: nowhere is not movielens: there is no such file or folder/,
      /MR_USAGE/,
    ];
    for (const [i, { code, err }] of said.entries()) {
      assert.equal(code, 2);
      assert.match(err, expected[i] as RegExp);
    }
  });
});
