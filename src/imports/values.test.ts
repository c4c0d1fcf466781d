import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { testSeed } from '#platform/testing';
import { cleanText, decimal, isoTime, secondsTime, wholeNumber } from './values.ts';

test('a time is the one that it says, in UTC or by its offset, and to the millisecond', () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date('0000-01-01T00:00:00Z'), max: new Date('9999-12-31'), noInvalidDate: true }),
      (date) => {
        assert.equal(isoTime(date.toISOString()), date.getTime());
      },
    ),
  );
  assert.equal(isoTime('2014-04-07T10:51:09.277Z'), Date.UTC(2014, 3, 7, 10, 51, 9, 277));
  assert.equal(isoTime('2014-04-07 10:51+02:00'), Date.UTC(2014, 3, 7, 8, 51));
  assert.equal(isoTime('2014-04-07T00:30:00-0130'), Date.UTC(2014, 3, 7, 2));
  assert.equal(isoTime('2014-04-07'), Date.UTC(2014, 3, 7));
  assert.equal(isoTime('2014-04-07T10:51:09.9999999Z'), Date.UTC(2014, 3, 7, 10, 51, 9, 999));
});

test('times as PostgreSQL, DuckDB, BigQuery and pandas write them', () => {
  const at = Date.UTC(2024, 3, 15, 15, 7, 49, 561);
  const same = [
    ...['2024-04-15 15:07:49.561+00', '2024-04-15 08:07:49.561-07', '2024-04-15 20:37:49.561+05:30'],
    ...['2024-04-15 15:07:49.561 UTC', '2024-04-15T15:07:49.561000000Z', '2024-04-15t15:07:49,561z'],
    ...['20240415T150749.561Z', '20240415T150749,561', '20240415T200749.561+0500', '2024-04-15T15:07:49.561'],
    ...[
      '2024-04-15 15:07:49.561 +0000',
      '2024-04-15 08:07:49.561\u221207',
      '2024-04-15 15:27:21.561+00:19:32',
    ],
  ];
  for (const text of same) assert.equal(isoTime(text), at, text);
  assert.equal(isoTime('20240415'), Date.UTC(2024, 3, 15));
  assert.equal(isoTime('20240415T1507Z'), Date.UTC(2024, 3, 15, 15, 7));
  assert.equal(isoTime('2020-12-31 21:25:58.745232+02'), Date.UTC(2020, 11, 31, 19, 25, 58, 745));
  assert.equal(isoTime('1969-12-31T23:59:59.9999Z'), -1);
});

test('24:00 ends the day, at the end of a month and of a year too', () => {
  assert.equal(isoTime('2024-02-29T24:00'), Date.UTC(2024, 2, 1));
  assert.equal(isoTime('2023-12-31 24:00:00.000+01'), Date.UTC(2023, 11, 31, 23));
  assert.equal(isoTime('20231231T240000Z'), Date.UTC(2024, 0, 1));
});

test('a leap second counts as the second after it; elsewhere there is no second 60', () => {
  assert.equal(isoTime('2016-12-31T23:59:60Z'), Date.UTC(2017, 0, 1));
  assert.equal(isoTime('2017-01-01 00:59:60.25+01'), Date.UTC(2017, 0, 1, 0, 0, 0, 250));
  for (const text of ['2016-12-30T23:59:60Z', '2016-12-31T22:59:60Z', '2016-12-31T23:59:60+01'])
    assert.equal(isoTime(text), undefined, text);
});

test('each form of a time says the same', () => {
  const two = (number: number) => String(number).padStart(2, '0');
  fc.assert(
    fc.property(
      fc.date({ min: new Date('1900-01-01'), max: new Date('2100-01-01'), noInvalidDate: true }),
      fc.integer({ min: -14 * 60, max: 14 * 60 }),
      fc.boolean(),
      (date, offset, isBasic) => {
        const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, -1);
        const [hours, minutes] = [two(Math.trunc(Math.abs(offset) / 60)), two(Math.abs(offset) % 60)];
        const shown = minutes === '00' ? hours : `${hours}${isBasic ? '' : ':'}${minutes}`;
        const text = isBasic ? local.replace(/[-:]/g, '').replace('.', ',') : local.replace('T', ' ');
        assert.equal(isoTime(`${text}${offset < 0 ? '-' : '+'}${shown}`), date.getTime());
      },
    ),
    { seed: testSeed },
  );
});

test('what the calendar lacks, or no clock shows, is no time', () => {
  const wrong = [
    ...['2014-02-29', '2014-13-01', '2014-00-10', '2014-04-31', '2014-04-07T24:01', '2014-04-07T10:60'],
    ...[
      '2014-04-07T24:00:00.001',
      '2014-0407',
      '201404-07',
      '2014-04-07T10:5109',
      '20140431',
      '2014-04-07+02',
    ],
    ...[
      '2014-04-07T10:51:60Z',
      '2014-04-07T10',
      '14-04-07',
      '2014-04-07T10:51+24:00',
      '2014-04-07T10:51+02:60',
    ],
    ...['', ' ', '1396867869', '2014-04-07T10:51:09.277ZZ'],
  ];
  for (const text of wrong) assert.equal(isoTime(text), undefined, text);
});

test('numbers are decimal and finite; a time in seconds is none beyond 2100', () => {
  assert.deepEqual(['1', ' 12.5 ', '-.5', '1e3', '+2.'].map(decimal), [1, 12.5, -0.5, 1000, 2]);
  for (const text of ['', ' ', '0x10', '1e999', 'NaN', 'Infinity', '1,5', '1 2', '--1', '.'])
    assert.equal(decimal(text), undefined, text);
  assert.deepEqual(['0', ' 007 ', '999999999999'].map(wholeNumber), [0, 7, 999_999_999_999]);
  for (const text of ['', '-1', '1.0', '1e3', '1000000000000'])
    assert.equal(wholeNumber(text), undefined, text);
  assert.equal(secondsTime('4102444800'), 4_102_444_800_000);
  assert.equal(secondsTime('4102444801'), undefined);
});

test('texts keep their format characters: joiners, soft hyphens, directions, marks and tags', () => {
  const kept = [
    ...['نیم\u200Cفاصله', 'क\u200Dष', 'Donau\u00ADdampf', '👩\u200D👧 film', '❤\uFE0F love'],
    ...['\u202Aabc\u202C', 'a\uFEFFb', '🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}', '\uFEFFa'],
  ];
  for (const text of kept) assert.equal(cleanText(text), text);
});

test('a text is one line in NFC without control characters; one of nothing but spaces and formats is empty', () => {
  assert.equal(cleanText(' a\tb\r\n c\u2028d\u00A0\u3000e\u0000'), 'a b c d e');
  assert.equal(cleanText('Cafe\u0301'), 'Café');
  assert.equal(cleanText('a\uD83D'), 'a\uFFFD');
  for (const text of ['', ' \t', '\u200B', ' \uFEFF\u200D ']) assert.equal(cleanText(text), '');
});

test('a long text is cut between grapheme clusters', () => {
  const a = (count: number) => 'a'.repeat(count);
  assert.equal(cleanText(a(500)), a(200));
  assert.equal(cleanText(`${a(199)}😀`), a(199));
  assert.equal(cleanText(`${a(198)}😀b`), `${a(198)}😀`);
  assert.equal(cleanText(`${a(195)}👩\u200D👩\u200D👧\u200D👦`), a(195));
  assert.equal(cleanText(`${a(199)}q\u0323b`), a(199));
  assert.equal(cleanText(`${a(198)} 🇩🇪`), a(198));
  assert.equal(cleanText(`q${'\u0323'.repeat(300)}`), `q${'\u0323'.repeat(199)}`);
  assert.equal(cleanText(`😀${'\u200D😀'.repeat(300)}`).isWellFormed(), true);
  const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  const clusters = (text: string) => Array.from(graphemes.segment(text), ({ segment }) => segment);
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', 'é', '👩\u200D👧', '🇩🇪', 'क\u200Dष', 'q\u0323', '❤\uFE0F', ' b'), {
        minLength: 40,
      }),
      fc.nat(9),
      (parts, copies) => {
        const text = parts.join('').repeat(copies + 1);
        const cut = cleanText(text);
        assert.ok(cut.length <= 200);
        assert.ok(text.trim().startsWith(cut));
        assert.deepEqual(clusters(cut), clusters(text.trim()).slice(0, clusters(cut).length));
        assert.deepEqual(cleanText(cut), cut);
      },
    ),
    { seed: testSeed },
  );
});
