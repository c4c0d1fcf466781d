import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { withScratchDuckDb } from '#offline';
import { InputError } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { mappedFiles } from './mapped/source.ts';
import { movieLens } from './movielens/source.ts';
import { rankLens } from './ranklens/source.ts';
import type { Source } from './source.ts';
import { dryRunOf, refusals } from './testing/dry-run-of.ts';
import { yoochoose } from './yoochoose/source.ts';

function folderOf(t: TestContext, files: Readonly<Record<string, string | Buffer>>): string {
  const directory = temporaryDirectory(t);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  return directory;
}

const text = (lines: readonly (string | object)[]) =>
  lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');

test('Yoochoose: clicks and purchases by session, items by their first category that says something', async (t) => {
  const folder = folderOf(t, {
    'yoochoose-clicks.dat': text([
      '1,2014-04-07T10:51:09.277Z,214536502,0',
      '1,2014-04-07T10:54:09.868Z,214536500,S',
      '2,2014-04-07T13:56:37.614Z,214536500,5',
      '2,2014-04-07 13:57,214536500',
      '2,yesterday,214536500,0',
      ',2014-04-07T13:56:37.614Z,214536500,0',
      '2,2014-02-30T13:56:37.614Z,214536500,0',
    ]),
    'yoochoose-buys.dat.gz': gzipSync(
      text([
        '2,2014-04-07T18:44:58.314Z,214536502,1046,2',
        '2,2014-04-07T18:44:58.314Z,214536503,x,1',
        '2,2014-04-07T18:44:58.314Z,214536503,10,1.5',
      ]),
    ),
    'dataset-README.md': 'Yoochoose',
  });
  const found = await dryRunOf(yoochoose, [folder]);
  assert.deepEqual(refusals(found), [
    'yoochoose-buys.dat.gz:2 price "x" is not a number',
    'yoochoose-buys.dat.gz:3 quantity "1.5" is not a whole number',
    'yoochoose-clicks.dat:4 3 fields instead of 4',
    'yoochoose-clicks.dat:5 time "yesterday" is not ISO 8601',
    'yoochoose-clicks.dat:6 session is empty',
    'yoochoose-clicks.dat:7 time "2014-02-30T13:56:37.614Z" is not ISO 8601',
  ]);
  assert.deepEqual(
    found.firstEvents.map(({ user_id, session_id, item_id, kind, value, ts }) => {
      return [user_id, session_id, item_id, kind, value, ts];
    }),
    [
      ['2', '2', '214536502', 'purchase', 2092, Date.UTC(2014, 3, 7, 18, 44, 58, 314)],
      ['1', '1', '214536502', 'click', null, Date.UTC(2014, 3, 7, 10, 51, 9, 277)],
      ['1', '1', '214536500', 'click', null, Date.UTC(2014, 3, 7, 10, 54, 9, 868)],
      ['2', '2', '214536500', 'click', null, Date.UTC(2014, 3, 7, 13, 56, 37, 614)],
    ],
  );
  assert.deepEqual(
    found.firstItems.map(({ item_id, category }) => [item_id, category]),
    [
      ['214536502', 'unknown'],
      ['214536500', '5'],
    ],
  );
});

const metarank = [
  {
    event: 'item',
    id: 'e1',
    timestamp: '1636907100000',
    item: '3114',
    fields: [
      { name: 'title', value: 'Toy Story 2' },
      { name: 'genres', value: ['animation', 'comedy'] },
      { name: 'tags', value: ['pixar'] },
      { name: 'runtime', value: 92 },
      { name: 'release_date', value: 9.412416e8 },
    ],
  },
  { event: 'user', id: 'e2', timestamp: 1636907100000, user: 'alice', fields: [{ name: 'age', value: 33 }] },
  {
    event: 'ranking',
    id: 'r1',
    timestamp: '2021-11-14T16:25:01Z',
    user: 'alice',
    session: 's1',
    items: [{ id: '3114', relevancy: 2 }, { id: '589' }],
  },
  {
    event: 'interaction',
    id: 'i1',
    ranking: 'r1',
    timestamp: 1636907102000,
    session: 's1',
    type: 'click',
    item: '589',
  },
];

test('Metarank events: rankings become impressions with the request, interactions what they say', async (t) => {
  const bad = [
    '{"event":"ranking"',
    '[1]',
    { ...metarank[0], event: 'metadata' },
    { ...metarank[2], items: 'none' },
    { ...metarank[2], items: [{ relevancy: 1 }] },
    { ...metarank[2], timestamp: 'noon' },
    { ...metarank[3], type: 'stare' },
    { ...metarank[3], session: undefined },
    { ...metarank[0], item: '' },
    { ...metarank[0], fields: [{ value: 1 }] },
  ];
  const folder = folderOf(t, { 'events.jsonl.gz': gzipSync(text([...metarank, ...bad])) });
  const found = await dryRunOf(rankLens, [folder]);
  assert.deepEqual([found.items, found.users, found.answers, found.events], [1, 1, 1, 3]);
  assert.deepEqual(
    found.firstEvents.map(({ user_id, item_id, kind, request_id, session_id }) => {
      return [user_id, item_id, kind, request_id, session_id];
    }),
    [
      ['alice', '3114', 'impression', 'r1', 's1'],
      ['alice', '589', 'impression', 'r1', 's1'],
      ['s1', '589', 'click', 'r1', 's1'],
    ],
  );
  const [film] = found.firstItems;
  assert.deepEqual(
    [film?.title, film?.tags, film?.duration_ms, film?.created],
    ['Toy Story 2', ['animation', 'comedy', 'pixar'], 5_520_000, 941_241_600_000],
  );
  assert.deepEqual(refusals(found), [
    'events.jsonl.gz:5 the line is not JSON',
    'events.jsonl.gz:6 the line is not a JSON object',
    'events.jsonl.gz:7 event "metadata" is not one of item, user, ranking, interaction',
    'events.jsonl.gz:8 items is not a list',
    'events.jsonl.gz:9 items: id is missing or empty',
    'events.jsonl.gz:10 timestamp "noon" is not a time in ms or ISO 8601',
    'events.jsonl.gz:11 type "stare" is not one of impression, view, click, complete, like, comment, rating, search, skip, purchase, quiz_score',
    'events.jsonl.gz:12 user and session are missing',
    'events.jsonl.gz:13 item is missing or empty',
    'events.jsonl.gz:14 fields hold one without a name',
  ]);
});

test('RankLens as published: what was liked of what was shown', async (t) => {
  const ranking = { id: 6259, liked: [21], shown: [1805, 21], ts: '2021-11-15T01:30:00.000', user: '90df' };
  const folder = folderOf(t, {
    'metadata.jsonl': text([
      {
        id: 21,
        title: 'Net',
        genres: [{ id: 1, name: 'Drama' }],
        tags: ['slow'],
        releaseDate: '1999-10-30',
        runtime: 92,
      },
      { id: 22, releaseDate: '1999-10-30' },
    ]),
    'ranking.jsonl': text([ranking, { ...ranking, id: 6260, liked: [7] }, { ...ranking, shown: null }]),
  });
  const found = await dryRunOf(rankLens, [folder]);
  const ts = Date.UTC(2021, 10, 15, 1, 30);
  assert.deepEqual(
    found.firstEvents.map((event) => [event.item_id, event.kind, event.request_id, event.ts]),
    [
      ['1805', 'impression', '6259', ts],
      ['21', 'impression', '6259', ts],
      ['21', 'like', '6259', ts + 1],
    ],
  );
  assert.deepEqual(
    found.firstItems.map(({ item_id, tags }) => [item_id, tags]),
    [['21', ['Drama', 'slow']]],
  );
  assert.deepEqual(refusals(found), [
    'metadata.jsonl:2 title is missing or empty',
    'ranking.jsonl:2 liked 7 is not among the items shown',
    'ranking.jsonl:3 shown is not a list',
  ]);
});

const shopEvents = {
  files: 'events*.csv',
  rows: 'events',
  fields: {
    user_id: 'visitor',
    item_id: 'item',
    kind: { column: 'what', values: { look: 'view', buy: 'purchase' } },
    ts: { column: 'at', time: 'seconds' },
    value: 'price',
    device: { constant: 'mobile' },
  },
};

test('mapped CSV: header, quotes, values, units; each kind of malformed row by its line', async (t) => {
  const bytes = Buffer.concat([
    Buffer.from(
      text([
        'at;item;what;visitor;price',
        '1400000000;"a;1";look;u1;',
        '1400000001;"two\nlines";buy;"u ""2""";9.5',
        '1400000002;i;buy;u1',
        '1400000003;i;buy;u1;dear',
        'noon;i;look;u1;',
        '1400000004;i;stare;u1;',
        '1400000005;i;look;;',
        '1400000000000;i;look;u1;',
        '1400000006;i;buy;u1;',
        '1400000007;"i"x;look;u1;',
        '1400000008;i\t;look;u1;',
      ]),
    ),
    Buffer.from([0x31, 0x3b, 0xff, 0x3b, 0x0a]),
    Buffer.from('1400000009;i;look;u3;\n'),
  ]);
  const folder = folderOf(t, { 'events-1.csv': bytes, 'notes.txt': 'x' });
  const found = await dryRunOf(mappedFiles, [folder], { ...shopEvents, delimiter: ';' });
  assert.deepEqual(
    found.firstEvents.map((event) => [
      event.user_id,
      event.item_id,
      event.kind,
      event.value,
      event.context.device,
    ]),
    [
      ['u1', 'a;1', 'view', null, 'mobile'],
      ['u3', 'i', 'view', null, 'mobile'],
    ],
  );
  assert.deepEqual(refusals(found), [
    'events-1.csv:3 item_id must hold no control characters',
    'events-1.csv:5 4 fields instead of 5',
    'events-1.csv:6 value "dear" is not a number',
    'events-1.csv:7 ts "noon" is not a time in seconds since 1970',
    'events-1.csv:8 kind "stare" is not among the values of the mapping',
    'events-1.csv:9 user_id is missing or empty',
    'events-1.csv:10 ts "1400000000000" is not a time in seconds since 1970',
    'events-1.csv:11 a purchase needs a value',
    'events-1.csv:12 text stands after the closing quote of field 2',
    'events-1.csv:13 item_id must hold no control characters',
    'events-1.csv:14 the line is not UTF-8',
  ]);
});

test('a stray quote in a TSV costs one row; with "quote": "none" it is a character', async (t) => {
  const rows = Array.from({ length: 1_000 }, (_, i) => {
    const name = i === 9 ? '"Opens and never closes' : i === 899 ? '"Proper"' : `Name ${i}`;
    return `${i}\t${name}\tx`;
  });
  const folder = folderOf(t, { 'items.csv': text(['id\tname\turl', ...rows]) });
  const mapping = {
    files: '*.csv',
    rows: 'items',
    delimiter: '\t',
    fields: { item_id: 'id', title: 'name' },
  };
  const quoted = await dryRunOf(mappedFiles, [folder], mapping);
  assert.deepEqual([quoted.items, quoted.malformed], [999, 1]);
  assert.match(refusals(quoted)[0] ?? '', /^items\.csv:11 a quoted field is not closed up to line 901/);
  assert.equal(quoted.shownRows[0]?.text, '9\t"Opens and never closes\tx');
  assert.equal(quoted.firstItems.find(({ item_id }) => item_id === '899')?.title, 'Proper');
  const plain = await dryRunOf(mappedFiles, [folder], { ...mapping, quote: 'none' });
  assert.deepEqual([plain.items, plain.malformed], [1_000, 0]);
  assert.equal(plain.firstItems[9]?.title, '"Opens and never closes');
});

test('a stray quote in movies.csv costs one film', async (t) => {
  const films = Array.from(
    { length: 50 },
    (_, i) => `${i + 1},${i === 5 ? '"Net (1995)' : i === 30 ? '"Net, The"' : 'One'},Drama`,
  );
  const folder = folderOf(t, {
    'movies.csv': text(['movieId,title,genres', ...films]),
    'ratings.csv': text(['userId,movieId,rating,timestamp', '1,1,5,1000000000']),
  });
  const found = await dryRunOf(movieLens, [folder]);
  assert.deepEqual([found.items, found.malformed], [49, 1]);
});

test('CSV and JSONL of a Latin-1 or UTF-16 export are read by encoding or mark', async (t) => {
  const csv = 'id,name\r\n1,Café\r\n';
  const folder = folderOf(t, {
    'a.csv': Buffer.from(csv, 'latin1'),
    'b.csv': Buffer.from(`\uFEFF${csv}`, 'utf16le'),
    'c.jsonl': Buffer.from('{"id":1,"name":"Café"}\r', 'latin1'),
  });
  const fields = { item_id: 'id', title: 'name' };
  const found = await dryRunOf(
    mappedFiles,
    [folder],
    [
      { files: 'a.csv', rows: 'items', encoding: 'latin-1', fields },
      { files: 'b.csv', rows: 'items', fields },
      { files: '*.jsonl', rows: 'items', encoding: 'latin-1', fields },
    ],
  );
  assert.deepEqual(
    found.firstItems.map(({ title }) => title),
    ['Café', 'Café', 'Café'],
  );
});

test('integers are names: the digits that stand in the file, whatever their size', async (t) => {
  const ids = [
    '76561190000000017',
    '8216118575463666095',
    '9007199254740991',
    '9007199254740993',
    '18446744073709551616',
  ];
  const rating = (id: string) =>
    `{"who":{"id":${id}},"item":${id},"at":1700000000,"v":4.5,"t":["1234567890123456"]}`;
  const metarankRow = (id: string) =>
    `{"event":"interaction","id":"i","timestamp":1636907102000,"user":${id},"session":${id},"type":"click","item":${id},"ranking":${id}}`;
  const bad = [
    '{"who":{"id":[9007199254740993]},"item":1,"at":1700000000}',
    '{"who":{"id":1},"item":1,"at":9007199254740993}',
    '{"who":{"id":1.5},"item":1,"at":1700000000}',
  ];
  const folder = folderOf(t, { 'a.jsonl': text([...ids.map(rating), ...bad]) });
  const fields = {
    user_id: 'who.id',
    item_id: 'item',
    session_id: { column: 'item', values: { ...Object.fromEntries(ids.map((id) => [id, id])), '1': 'one' } },
    request_id: { constant: 'CONSTANT' },
    kind: { constant: 'rating' },
    ts: { column: 'at', time: 'seconds' },
    value: 'v',
  };
  const mapping = JSON.stringify({ files: '*.jsonl', rows: 'events', fields }).replace(
    '"CONSTANT"',
    '76561190000000017',
  );
  const found = await dryRunOf(mappedFiles, [folder], mapping);
  assert.deepEqual(
    found.firstEvents.map(({ user_id, item_id, session_id, request_id }) => [
      user_id,
      item_id,
      session_id,
      request_id,
    ]),
    ids.map((id) => [id, id, id, '76561190000000017']),
  );
  assert.deepEqual(refusals(found), [
    'a.jsonl:6 user_id [9007199254740993] is not a text or a whole number',
    'a.jsonl:7 ts 9007199254740993 is not a time in seconds since 1970',
    'a.jsonl:8 user_id 1.5 is not a text or a whole number',
  ]);
  const events = folderOf(t, { 'events.jsonl': text(ids.map(metarankRow)) });
  const clicks = (await dryRunOf(rankLens, [events])).firstEvents;
  assert.deepEqual(
    clicks.map(({ user_id, item_id, session_id, request_id }) => [user_id, item_id, session_id, request_id]),
    ids.map((id) => [id, id, id, id]),
  );
  const ranking = `{"id":${ids[0]},"user":${ids[1]},"ts":"2021-11-15T01:30:00","shown":[1,${ids[3]}],"liked":[${ids[3]}]}`;
  const lists = folderOf(t, {
    'ranking.jsonl': text([ranking]),
    'metadata.jsonl': text([`{"id":${ids[3]},"title":"Net"}`]),
  });
  const published = await dryRunOf(rankLens, [lists]);
  assert.deepEqual(refusals(published), []);
  assert.deepEqual(
    [...published.firstEvents.map(({ item_id }) => item_id), published.firstItems[0]?.item_id],
    ['1', ids[3], ids[3], ids[3]],
  );
});

test('times before 1970, and names that every object has, are no values of a mapping', async (t) => {
  const rows = [
    'at;item;what;visitor;price',
    '-5;i;look;u1;',
    '1400000000;i;toString;u1;',
    '1400000001;i;constructor;u1;',
    '1400000002;i;look;u1;',
  ];
  const folder = folderOf(t, { 'events-1.csv': text(rows) });
  const found = await dryRunOf(mappedFiles, [folder], { ...shopEvents, delimiter: ';' });
  assert.deepEqual(refusals(found), [
    'events-1.csv:2 ts "-5" is not a time in seconds since 1970',
    'events-1.csv:3 kind "toString" is not among the values of the mapping',
    'events-1.csv:4 kind "constructor" is not among the values of the mapping',
  ]);
});

test('mapped JSONL and Parquet beside CSV in one folder', async (t) => {
  const folder = folderOf(t, {
    'events.csv': text(['at,item,what,visitor,price', '1400000000,i1,look,u1,']),
    'items.jsonl': text([
      { id: 1, name: 'One', meta: { tags: ['a', 'b'] }, 'added.on': '2014-01-01' },
      { id: 2, meta: { tags: 'c' } },
      { id: 'i3', meta: { tags: 5 } },
    ]),
  });
  await withScratchDuckDb((database) =>
    database.run(`COPY (SELECT * FROM (VALUES
        (7::BIGINT, 30::SMALLINT, TIMESTAMP '2014-01-01 10:00:00', 'f'),
        (NULL, 31, NULL, 'm'), (9, 32, NULL, NULL)) AS users(id, "years old", since, sex))
      TO '${join(folder, 'users.parquet')}' (FORMAT parquet)`),
  );
  const mapping = [
    shopEvents,
    {
      files: 'items.jsonl',
      rows: 'items',
      fields: {
        item_id: 'id',
        title: 'name',
        tags: { column: 'meta.tags', split: '|' },
        created: 'added.on',
      },
    },
    {
      files: '*.parquet',
      rows: 'users',
      fields: {
        user_id: 'id',
        age: 'years old',
        created: 'since',
        gender: { column: 'sex', values: { f: 'female', m: 'male' } },
      },
    },
  ];
  const found = await dryRunOf(mappedFiles, [folder], mapping);
  assert.deepEqual([found.events, found.items, found.users], [1, 2, 2]);
  assert.deepEqual(
    found.firstItems.map(({ item_id, title, tags }) => [item_id, title, tags]),
    [
      ['1', 'One', ['a', 'b']],
      ['2', 'Item 2', ['c']],
    ],
  );
  assert.equal(found.firstItems[0]?.created, Date.UTC(2014, 0, 1));
  assert.deepEqual(refusals(found), [
    'items.jsonl:3 tags 5 is not a list of texts',
    'users.parquet:2 user_id is missing or empty',
  ]);
  await assert.rejects(
    dryRunOf(mappedFiles, [folder], { files: '*.parquet', rows: 'users', fields: { user_id: 'uid' } }),
    {
      code: 'MR_IMPORT_HEADER',
      message: 'users.parquet: There is no column "uid".',
    },
  );
});

test('category and tags are cleaned as titles are; what says nothing is absent', async (t) => {
  const folder = folderOf(t, {
    'items.jsonl': text([
      {
        id: 'a',
        name: ' \u200b',
        kind: 'Donau\u00addampf\t1 ',
        tags: ['Donau\u00addampf\t1', ' ', 'x'.repeat(300)],
      },
      { id: 'b', name: 'B', kind: '  ', tags: ['\ttag '] },
    ]),
    'movies.csv': text(['movieId,title,genres', '1,One,"Sci\t Fi|Drama"']),
    'ratings.csv': text(['userId,movieId,rating,timestamp', '1,1,5,1000000000']),
  });
  const mapping = {
    files: 'items.jsonl',
    rows: 'items',
    fields: { item_id: 'id', title: 'name', category: 'kind', tags: 'tags' },
  };
  const said = async (source: Source, mapping: object) =>
    (await dryRunOf(source, [folder], mapping)).firstItems.map(({ title, category, tags }) => [
      title,
      category,
      tags,
    ]);
  assert.deepEqual(await said(mappedFiles, mapping), [
    ['Item a', 'Donau\u00addampf 1', ['Donau\u00addampf 1', 'x'.repeat(200)]],
    ['B', 'tag', ['tag']],
  ]);
  assert.deepEqual(await said(movieLens, {}), [['One', 'Sci Fi', ['Sci Fi', 'Drama']]]);
});

test('mapping files that are wrong are refused by their place', async (t) => {
  const folder = folderOf(t, { 'events.csv': text(['at,item,what,visitor,price', '1,i,look,u1,']) });
  const { fields } = shopEvents;
  const cases: [object, RegExp][] = [
    [[], /it names no files/],
    [{ ...shopEvents, rows: 'things' }, /at rows: it is not one of events, items, users/],
    [{ ...shopEvents, colour: 1 }, /at colour: there is no such key/],
    [{ ...shopEvents, quote: "'" }, /at quote: it is not one of ", none/],
    [{ ...shopEvents, encoding: 'ebcdic' }, /at encoding: it is not one of utf-8, latin-1/],
    [{ ...shopEvents, format: 'jsonl', quote: 'none' }, /delimiter, quote and columns are for csv/],
    [
      { ...shopEvents, format: 'parquet', encoding: 'latin-1' },
      /at encoding: files of format parquet have none/,
    ],
    [{ ...shopEvents, files: 'events' }, /at format: it is missing/],
    [{ ...shopEvents, delimiter: '::' }, /at delimiter: it is not one character/],
    [
      [shopEvents, { ...shopEvents, fields: { ...fields, ts: undefined } }],
      /at \[1\]\.fields: ts is missing/,
    ],
    [{ ...shopEvents, fields: { ...fields, price: 'price' } }, /at fields\.price: there is no such key/],
    [
      { ...shopEvents, fields: { ...fields, ts: { column: 'at', time: 'days' } } },
      /at fields\.ts\.time: it is not one of iso/,
    ],
    [
      { ...shopEvents, fields: { ...fields, ts: {} } },
      /at fields\.ts: it needs either a column or a constant/,
    ],
    [
      { ...shopEvents, fields: { ...fields, kind: { constant: 'stare' } } },
      /the constant of kind "stare" is not one of impression/,
    ],
    [
      { ...shopEvents, fields: { ...fields, value: { column: 'price', split: ',' } } },
      /at fields\.value\.split: the field is no list/,
    ],
  ];
  for (const [mapping, message] of cases) {
    await assert.rejects(dryRunOf(mappedFiles, [folder], mapping), { code: 'MR_IMPORT_MAPPING', message });
  }
  assert.throws(() => mappedFiles.open('{'), { code: 'MR_IMPORT_MAPPING', message: /it is not JSON/ });
  await assert.rejects(
    dryRunOf(mappedFiles, [folder], { ...shopEvents, fields: { ...fields, item_id: 'sku' } }),
    (error) => {
      assert.ok(error instanceof InputError && error.code === 'MR_IMPORT_HEADER');
      assert.equal(error.message, 'events.csv: There is no column "sku".');
      return /The columns are at, item, what, visitor, price/.test(error.hint ?? '');
    },
  );
  await assert.rejects(dryRunOf(mappedFiles, [folder], { ...shopEvents, files: '*.tsv', format: 'csv' }), {
    code: 'MR_IMPORT_UNRECOGNISED',
    message: /the mapping matches none of the files/,
  });
});
