import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { InputError } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { openMovieLens } from './movielens.ts';

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

test('reads the original form: no header lines, u.item in Latin-1', async (t) => {
  const directory = directoryOf(t, { ...plain(), 'u.item': Buffer.from(text(ITEMS), 'latin1') });
  const movieLens = await openMovieLens(directory);
  assert.deepEqual(movieLens.malformed, []);
  assert.deepEqual(movieLens.items(), [
    {
      item_id: '1',
      type: 'movie',
      title: 'A Quiet Harbour (1994)',
      category: 'Comedy',
      tags: ['Comedy', 'Romance'],
      duration_ms: null,
      difficulty: null,
      language: null,
      available: true,
      age_limit: 0,
      created: Date.UTC(1994, 0, 1),
    },
    {
      item_id: '2',
      type: 'movie',
      title: 'Été (1969)',
      category: 'Drama',
      tags: ['Drama'],
      duration_ms: null,
      difficulty: null,
      language: null,
      available: true,
      age_limit: 0,
      created: Date.UTC(1969, 1, 4),
    },
  ]);
  const created = 880_000_000_000 - 1000;
  assert.deepEqual(movieLens.users(), [
    {
      user_id: '1',
      age: 24,
      gender: 'male',
      occupation: 'technician',
      country: null,
      language: null,
      created,
    },
    { user_id: '7', age: 53, gender: 'female', occupation: 'other', country: null, language: null, created },
  ]);
});

test('ratings come in order of time, ties by user and item as numbers, with ids that do not change', async (t) => {
  const tied = ['10\t3\t3\t880000000', '9\t20\t3\t880000000', '9\t3\t3\t880000000', ...DATA];
  const movieLens = await openMovieLens(directoryOf(t, { ...plain(), 'u.data': text(tied) }));
  const ratings = [...movieLens.ratings()];
  assert.deepEqual(
    ratings.map(({ event_id }) => event_id),
    [
      'ml-1-2-880000000',
      'ml-9-3-880000000',
      'ml-9-20-880000000',
      'ml-10-3-880000000',
      'ml-7-1-880000050',
      'ml-7-2-880000100',
    ],
  );
  assert.deepEqual(ratings[0], {
    event_id: 'ml-1-2-880000000',
    user_id: '1',
    item_id: '2',
    kind: 'rating',
    value: 5,
    watch_ms: null,
    session_id: null,
    request_id: null,
    context: { device: null, country: null, language: null },
    ts: 880_000_000_000,
    original_ts: null,
    item: null,
  });
  assert.equal(movieLens.ratingCount, 6);
  assert.ok(movieLens.tablesAt < 880_000_000_000);
});

test('gzipped files, header lines, UTF-8 with a mark, and Windows line ends give the same', async (t) => {
  const expected = await openMovieLens(directoryOf(t, plain()));
  const dressed = directoryOf(t, {
    'u.data.gz': gzipSync(text(['user_id\titem_id\trating\ttimestamp', ...DATA])),
    'u.item': `\uFEFF${text([ITEM_HEADER, ...ITEMS])}\n\n`,
    'u.user.gz': gzipSync(text(['user|age|gender|occupation|zip', ...USERS]).replaceAll('\n', '\r\n')),
  });
  const actual = await openMovieLens(dressed);
  assert.deepEqual(actual.malformed, []);
  assert.deepEqual(actual.items(), expected.items());
  assert.deepEqual(actual.users(), expected.users());
  assert.deepEqual([...actual.ratings()], [...expected.ratings()]);
});

test('malformed rows are reported with file, line and reason, and reading goes on', async (t) => {
  const badData = [
    '1\t2\t6\t880000000',
    '1\t2\t5',
    'x\t2\t5\t880000000',
    '1\t2\t5\t880000000000',
    '1\t2\t4.5\t880000000',
  ];
  const badUsers = [
    '8|24|X|technician|1',
    '9|old|M|writer|1',
    '10|20|M',
    '7|30|F|writer|1',
    '11|20|M|likes long walks|1',
  ];
  const badItems = [
    item(3, 'Wrong Day (1990)', '31-Feb-1990', [1]),
    item(4, ' ', '01-Jan-1990', [1]),
    'no row at all',
    item(5, 'Wrong Flag', '', []).replace(/0$/, '2'),
    item(1, 'Again', '', [1]),
  ];
  const movieLens = await openMovieLens(
    directoryOf(t, {
      'u.data.gz': gzipSync(text([...DATA, ...badData])),
      'u.item': text([ITEM_HEADER, ...ITEMS, ...badItems]),
      'u.user': text([...USERS, '', ...badUsers]),
    }),
  );
  assert.equal(movieLens.ratingCount, 3);
  assert.equal(movieLens.users().length, 2);
  assert.equal(movieLens.items().length, 2);
  assert.deepEqual(
    movieLens.malformed.map(({ file, line, reason }) => `${file}:${line} ${reason}`),
    [
      'u.data.gz:4 rating "6" is not 1, 2, 3, 4 or 5',
      'u.data.gz:5 3 fields separated by TAB instead of 4',
      'u.data.gz:6 user id "x" is not a positive whole number',
      'u.data.gz:7 timestamp "880000000000" is not a time in seconds',
      'u.data.gz:8 rating "4.5" is not 1, 2, 3, 4 or 5',
      'u.user:4 gender "X" is not M or F',
      'u.user:5 age "old" is not an age in years',
      'u.user:6 3 fields separated by "|" instead of 5',
      'u.user:7 a second row with the id 7',
      'u.user:8 occupation "likes long walks" is not one word',
      'u.item:4 release date "31-Feb-1990" is not like 01-Jan-1995',
      'u.item:5 no title',
      'u.item:6 1 fields separated by "|" instead of 24',
      'u.item:7 genre flag "2" is not 0 or 1',
      'u.item:8 a second row with the id 1',
    ],
  );
  assert.equal(movieLens.malformed[1]?.text, '1\t2\t5');
});

test('an item without a release date, or with one after the first rating, was there at the first rating', async (t) => {
  const items = [item(1, 'Undated', '', []), item(2, 'Early\u0007  Copy', '01-Jan-2005', [1])];
  const movieLens = await openMovieLens(directoryOf(t, { ...plain(), 'u.item': text(items) }));
  const [undated, early] = movieLens.items();
  assert.equal(undated?.created, movieLens.tablesAt);
  assert.equal(undated?.category, 'unknown');
  assert.deepEqual(undated?.tags, []);
  assert.equal(early?.created, movieLens.tablesAt);
  assert.equal(early?.title, 'Early Copy');
});

test('what is no MovieLens directory is refused with what was expected and what was found', async (t) => {
  const csv = 'user_id,item_id,rating\n1,2,3\n2,3,4\n';
  const cases: [Files, RegExp][] = [
    [{}, /there is no u\.(data|item|user).*the directory is empty/],
    [{ 'ratings.csv': csv }, /there is no u\.\w+ and no u\.\w+\.gz; found ratings\.csv/],
    [{ ...plain(), 'u.data': csv }, /2 of 2 rows of u\.data can't be read, the first in line 2: 1 fields/],
    [{ ...plain(), 'u.user': '' }, /u\.user has no rows/],
    [{ 'u.data': text(DATA), 'u.user': text(USERS), 'u.item.gz': 'not gzip' }, /u\.item\.gz can't be read/],
  ];
  for (const [files, message] of cases) {
    const directory = directoryOf(t, files);
    await assert.rejects(openMovieLens(directory), (error) => {
      assert.ok(error instanceof InputError && error.code === 'MR_IMPORT_NOT_MOVIELENS');
      assert.match(error.message, message);
      assert.match(error.hint ?? '', /Expected a MovieLens 100K directory: u\.data/);
      return true;
    });
  }
  const missing = join(temporaryDirectory(t), 'nowhere');
  await assert.rejects(openMovieLens(missing), { code: 'MR_IMPORT_NOT_MOVIELENS' });
});

test('the real data set', async (t) => {
  const directory = join(import.meta.dirname, '../../../shared/data/ml-100k');
  if (!existsSync(directory)) return t.skip('../shared/data/ml-100k is not there');
  const movieLens = await openMovieLens(directory);
  assert.deepEqual(movieLens.malformed, []);
  assert.equal(movieLens.users().length, 943);
  assert.equal(movieLens.items().length, 1_682);
  let count = 0;
  let before = movieLens.tablesAt;
  const ids = new Set<string>();
  for (const { ts, event_id } of movieLens.ratings()) {
    assert.ok(ts >= before);
    before = ts;
    count++;
    ids.add(event_id);
  }
  assert.equal(count, 100_000);
  assert.equal(ids.size, 100_000);
});
