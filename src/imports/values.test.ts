import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decimal, isoTime, secondsTime, wholeNumber } from './values.ts';

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

test('what the calendar lacks, or no clock shows, is no time', () => {
  const wrong = [
    ...['2014-02-29', '2014-13-01', '2014-00-10', '2014-04-31', '2014-04-07T24:00', '2014-04-07T10:60'],
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
