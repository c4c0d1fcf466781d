import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { InputError } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { readDataSet } from '../in-memory.ts';
import { dryRunOf, refusals } from '../testing/dry-run-of.ts';
import { movieLens } from './source.ts';

const DATA = ['7\t2\t4\t880000100', '1\t2\t5\t880000000', '7\t1\t1\t880000050'];
const USERS = ['1|24|M|technician|85711', '7|53|F|other|T8H1N'];
const ITEM_HEADER =
  'item|title|releaseDate|videoReleaseDate|imdbURL|unknown|Action|Adventure|Animation|' +
  "Children's|Comedy|Crime|Documentary|Drama|Fantasy|Film-Noir|Horror|Musical|Mystery|Romance|Sci-Fi|Thriller|War|Western";

function item(id: number | string, title: string, released: string, genres: readonly number[]): string {
  const flags = Array.from({ length: 19 }, (_, genre) => (genres.includes(genre) ? 1 : 0));
  return [id, title, released, '', 'http://example.org/', ...flags].join('|');
}

const ITEMS = [
  item(1, 'A Quiet Harbour (1994)', '01-Jan-1994', [5, 14]),
  item(2, 'Été (1969)', '4-Feb-1969', [8]),
];

type Files = Record<string, string | Buffer>;

function directoryOf(t: TestContext, files: Files): string {
  const directory = temporaryDirectory(t);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  return directory;
}

const text = (lines: readonly string[]) => `${lines.join('\n')}\n`;
const plain = (): Files => ({ 'u.data': text(DATA), 'u.item': text(ITEMS), 'u.user': text(USERS) });
const read = (directory: string) => readDataSet(movieLens, [directory]);

test('reads the original form of 100K: no header lines, u.item in Latin-1', async (t) => {
  const directory = directoryOf(t, { ...plain(), 'u.item': Buffer.from(text(ITEMS), 'latin1') });
  const dataSet = await read(directory);
  assert.deepEqual(dataSet.malformed, []);
  const film = {
    type: 'movie',
    duration_ms: null,
    difficulty: null,
    language: null,
    available: true,
    age_limit: 0,
    countries: [],
  };
  assert.deepEqual(dataSet.items, [
    {
      ...film,
      item_id: '1',
      title: 'A Quiet Harbour (1994)',
      category: 'Comedy',
      tags: ['Comedy', 'Romance'],
      created: Date.UTC(1994, 0, 1),
    },
    {
      ...film,
      item_id: '2',
      title: 'Été (1969)',
      category: 'Drama',
      tags: ['Drama'],
      created: Date.UTC(1969, 1, 4),
    },
  ]);
  const known = { country: null, language: null, created: 880_000_000_000 - 1000 };
  assert.deepEqual(dataSet.users, [
    { ...known, user_id: '1', age: 24, gender: 'male', occupation: 'technician' },
    { ...known, user_id: '7', age: 53, gender: 'female', occupation: 'other' },
  ]);
});

test('ratings come in order of time, ties by user and item as numbers, with ids that do not change', async (t) => {
  const tied = ['10\t3\t3\t880000000', '9\t20\t3\t880000000', '9\t3\t3\t880000000', ...DATA];
  const files = { ...plain(), 'u.data': text(tied) };
  const { events, tablesAt } = await read(directoryOf(t, files));
  assert.deepEqual(
    events.map(({ event_id, user_id, item_id, ts }) => [event_id.split('-')[1], user_id, item_id, ts / 1000]),
    [
      ['5', '1', '2', 880000000],
      ['3', '9', '3', 880000000],
      ['2', '9', '20', 880000000],
      ['1', '10', '3', 880000000],
      ['6', '7', '1', 880000050],
      ['4', '7', '2', 880000100],
    ],
  );
  assert.deepEqual([events[0]?.kind, events[0]?.value], ['rating', 5]);
  assert.ok(tablesAt < 880_000_000_000);
  const again = await read(directoryOf(t, files));
  assert.deepEqual(again.events, events);
  assert.equal(new Set(events.map(({ event_id }) => event_id)).size, events.length);
});

test('gzipped files, header lines, UTF-8 with a mark, and Windows line ends give the same', async (t) => {
  const expected = await read(directoryOf(t, plain()));
  const dressed = directoryOf(t, {
    'u.data.gz': gzipSync(text(['user_id\titem_id\trating\ttimestamp', ...DATA])),
    'u.item': `\uFEFF${text([ITEM_HEADER, ...ITEMS])}\n\n`,
    'u.user.gz': gzipSync(text(['user|age|gender|occupation|zip', ...USERS]).replaceAll('\n', '\r\n')),
  });
  const actual = await read(dressed);
  assert.deepEqual(actual.malformed, []);
  assert.deepEqual(actual.items, expected.items);
  assert.deepEqual(actual.users, expected.users);
  const withoutIds = (events: typeof actual.events) => events.map((event) => ({ ...event, event_id: '' }));
  assert.deepEqual(withoutIds(actual.events), withoutIds(expected.events));
});

test('malformed rows of 100K are reported with file, line and reason, and reading continues', async (t) => {
  const directory = directoryOf(t, {
    'u.data.gz': gzipSync(
      text([
        ...DATA,
        '1\t2\t6\t880000000',
        '1\t2\t5',
        'x\t2\t5\t880000000',
        '1\t2\t5\t880000000000',
        '1\t2\t4.5\t880000000',
        '\t2\t5\t880000000',
      ]),
    ),
    'u.item': text([
      ITEM_HEADER,
      ...ITEMS,
      item(3, 'Wrong Day (1990)', '31-Feb-1990', [1]),
      item(4, ' ', '01-Jan-1990', [1]),
      'no row at all',
      item(5, 'Wrong Flag', '', []).replace(/0$/, '2'),
      item(1, 'Again', '', [1]),
    ]),
    'u.user': text([
      ...USERS,
      '',
      '8|24|X|technician|1',
      '9|old|M|writer|1',
      '10|20|M',
      '7|30|F|writer|1',
      '11|20|M|likes long walks|1',
    ]),
  });
  const found = await dryRunOf(movieLens, [directory]);
  assert.deepEqual([found.events, found.users, found.items, found.malformed], [3, 2, 2, 16]);
  assert.deepEqual(refusals(found), [
    'u.data.gz:4 rating "6" is not 1, 2, 3, 4 or 5',
    'u.data.gz:5 3 fields instead of 4',
    'u.data.gz:6 user id "x" is not a positive whole number',
    'u.data.gz:7 timestamp "880000000000" is not a time in seconds',
    'u.data.gz:8 rating "4.5" is not 1, 2, 3, 4 or 5',
    'u.data.gz:9 user id "" is not a positive whole number',
    'u.item:4 release date "31-Feb-1990" is not like 01-Jan-1995',
    'u.item:5 no title',
    'u.item:6 1 fields instead of 24',
    'u.item:7 genre flag "2" is not 0 or 1',
    'u.item:8 a second row with the id 1',
    'u.user:4 gender "X" is not M or F',
    'u.user:5 age "old" is not an age in years',
    'u.user:6 3 fields instead of 5',
    'u.user:7 a second row with the id 7',
    'u.user:8 occupation "likes long walks" is not one word',
  ]);
  assert.equal(found.shownRows[1]?.text, '1\t2\t5');
});

test('1M and 10M: fields between "::", users with codes, half stars', async (t) => {
  const files = {
    'ratings.dat': text(['1::122::5::838985046', '1::185::0.5::838983525', '2::122::4.25::1']),
    'movies.dat': Buffer.from(
      text(['122::Amélie: a film (2001)::Comedy|Romance', '185::Net, The (1995)::Action']),
      'latin1',
    ),
    'users.dat': text(['1::F::1::10::48067', '2::M::56::16::70072', '3::M::57::16::1', '4::M::25::21::1']),
  };
  const found = await readDataSet(movieLens, [directoryOf(t, files)]);
  assert.deepEqual(
    found.events.map(({ item_id, value }) => [item_id, value]),
    [
      ['185', 0.5],
      ['122', 5],
    ],
  );
  assert.deepEqual(
    found.items.map(({ title, tags, created }) => [title, tags, created]),
    [
      ['Amélie: a film (2001)', ['Comedy', 'Romance'], found.tablesAt],
      ['Net, The (1995)', ['Action'], Date.UTC(1995, 0, 1)],
    ],
  );
  assert.deepEqual(
    found.users.map(({ age, gender, occupation }) => [age, gender, occupation]),
    [
      [null, 'female', 'k-12-student'],
      [56, 'male', 'self-employed'],
    ],
  );
  assert.deepEqual(
    found.malformed.map(({ file, line, reason }) => `${file}:${line} ${reason}`),
    [
      'ratings.dat:3 rating "4.25" is not 0.5, 1, 1.5 ... 5',
      'users.dat:3 age "57" is not a code of an age group',
      'users.dat:4 occupation "21" is not a code from 0 to 20',
    ],
  );
  const without = directoryOf(t, { 'ratings.dat': files['ratings.dat'], 'movies.dat': files['movies.dat'] });
  assert.equal((await readDataSet(movieLens, [without])).users.length, 0, '10M has no users');
});

test('20M and later: CSV with quoted titles; a header of another format is refused', async (t) => {
  const files = {
    'ratings.csv': 'userId,movieId,rating,timestamp\r\n1,296,5.0,1147880044\r\n1,306,3.5,1147868817\r\n',
    'movies.csv':
      'movieId,title,genres\n296,"Net, ""The"" (1995)",(no genres listed)\n306,Trois (1994),Drama\n',
    'tags.csv': 'userId,movieId,tag,timestamp\n',
  };
  const found = await readDataSet(movieLens, [directoryOf(t, files)]);
  assert.deepEqual(
    found.events.map(({ item_id, value, ts }) => [item_id, value, ts]),
    [
      ['306', 3.5, 1_147_868_817_000],
      ['296', 5, 1_147_880_044_000],
    ],
  );
  assert.deepEqual(
    found.items.map(({ title, category, tags }) => [title, category, tags]),
    [
      ['Net, "The" (1995)', 'unknown', []],
      ['Trois (1994)', 'Drama', ['Drama']],
    ],
  );
  const headerless = directoryOf(t, { ...files, 'ratings.csv': '1,296,5.0,1147880044\n' });
  await assert.rejects(read(headerless), (error: InputError) => {
    assert.equal(error.code, 'MR_IMPORT_HEADER');
    assert.match(error.message, /^ratings\.csv: The first line is 1,296,5\.0,1147880044/);
    return /userId,movieId,rating,timestamp/.test(error.hint ?? '');
  });
});

test('an item without a release date, or with one after the first rating, was there at the first rating', async (t) => {
  const items = [item(1, 'Undated', '', []), item(2, 'Early\u0007  Copy', '01-Jan-2005', [1])];
  const dataSet = await read(directoryOf(t, { ...plain(), 'u.item': text(items) }));
  const [undated, early] = dataSet.items;
  assert.equal(undated?.created, dataSet.tablesAt);
  assert.equal(undated?.category, 'unknown');
  assert.deepEqual(undated?.tags, []);
  assert.equal(early?.created, dataSet.tablesAt);
  assert.equal(early?.title, 'Early Copy');
});

test('what is no MovieLens folder is refused with what was expected and what was found', async (t) => {
  const csv = 'user_id,item_id,rating\n1,2,3\n2,3,4\n';
  const cut = gzipSync(text(USERS)).subarray(0, 30);
  const cases: [Files, RegExp, string?][] = [
    [{}, /there is no u\.data, no ratings\.dat, no ratings\.csv; the folder is empty/],
    [{ 'u.data': text(DATA), 'u.user': text(USERS) }, /there is no u\.item; found u\.data, u\.user/],
    [
      { ...plain(), 'u.data': csv },
      /u\.data is not what its name says: 2 of 2 rows are malformed, the first in line 2: 1 fields/,
    ],
    [{ ...plain(), 'u.user': '' }, /u\.user is not what its name says: it has no rows/],
    [
      { 'u.data': text(DATA), 'u.item': text(ITEMS), 'u.user.gz': cut },
      /u\.user\.gz cannot be read to its end: unexpected end of file/,
      'MR_IMPORT_UNREADABLE',
    ],
  ];
  for (const [files, message, code = 'MR_IMPORT_UNRECOGNISED'] of cases) {
    await assert.rejects(read(directoryOf(t, files)), (error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, message);
      assert.equal(error.code, code);
      return true;
    });
  }
  const missing = join(temporaryDirectory(t), 'nowhere');
  await assert.rejects(read(missing), {
    code: 'MR_IMPORT_UNRECOGNISED',
    message: /there is no such file or folder/,
  });
  const other = directoryOf(t, { 'yoochoose-clicks.dat': '' });
  await assert.rejects(read(join(other, 'yoochoose-clicks.dat')), (error) => {
    assert.ok(error instanceof InputError);
    return /It looks like yoochoose: millrace import yoochoose/.test(error.hint ?? '');
  });
});

test('the real 100K', async (t) => {
  const directory = join(import.meta.dirname, '../../../../shared/data/ml-100k');
  if (!existsSync(directory)) return t.skip('../shared/data/ml-100k is not there');
  const { events, items, users, malformed, tablesAt } = await read(directory);
  assert.deepEqual(malformed, []);
  assert.deepEqual([users.length, items.length, events.length], [943, 1_682, 100_000]);
  assert.equal(new Set(events.map(({ event_id }) => event_id)).size, 100_000);
  let before = tablesAt;
  for (const { ts } of events) {
    assert.ok(ts >= before);
    before = ts;
  }
});

test('the real films and users of 1M', async (t) => {
  const directory = join(import.meta.dirname, '../../../../shared/data/ml-1m');
  if (!existsSync(directory)) return t.skip('../shared/data/ml-1m is not there');
  const tables = await readDataSet(movieLens, [join(directory, 'movies.dat'), join(directory, 'users.dat')]);
  assert.deepEqual(tables.malformed, []);
  assert.deepEqual([tables.items.length, tables.users.length], [3_883, 6_040]);
  assert.ok(
    tables.items.some(({ title }) => title.includes('é')),
    'Latin-1',
  );
});
