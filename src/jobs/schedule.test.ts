import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readSchedule } from './schedule.ts';

const next = (text: string, from: string) => {
  const ms = readSchedule(text).next(Date.parse(from));
  return ms === undefined ? undefined : new Date(ms).toISOString().slice(0, 16);
};

test('the next time of a schedule is after the one asked from, at a whole minute, in UTC', () => {
  assert.equal(next('0 3 * * *', '2026-01-01T02:59:59.999Z'), '2026-01-01T03:00');
  assert.equal(next('0 3 * * *', '2026-01-01T03:00:00Z'), '2026-01-02T03:00');
  assert.equal(next('*/15 * * * *', '2026-01-01T23:46:00Z'), '2026-01-02T00:00');
  assert.equal(next('5/20 * * * *', '2026-01-01T00:05:00Z'), '2026-01-01T00:25');
  assert.equal(next('30 8-10/2,20 * * *', '2026-01-01T08:30:00Z'), '2026-01-01T10:30');
  assert.equal(next('30 8-10/2,20 * * *', '2026-01-01T10:30:00Z'), '2026-01-01T20:30');
  assert.equal(next('0 0 1 1 *', '2026-01-01T00:00:00Z'), '2027-01-01T00:00');
  assert.equal(next('0 0 29 2 *', '2026-01-01T00:00:00Z'), '2028-02-29T00:00');
  assert.equal(next('0 0 31 4 *', '2026-01-01T00:00:00Z'), undefined);
});

test('weekdays count from Sunday, by 0 or 7, or have names; with a day of the month either is enough', () => {
  assert.equal(next('0 6 * * 1-5', '2026-01-02T06:00:00Z'), '2026-01-05T06:00');
  assert.equal(next('0 6 * * 0', '2026-01-02T06:00:00Z'), '2026-01-04T06:00');
  assert.equal(next('0 6 * * 7', '2026-01-02T06:00:00Z'), '2026-01-04T06:00');
  assert.equal(next('0 6 * * sun', '2026-01-02T06:00:00Z'), '2026-01-04T06:00');
  assert.equal(next('0 6 13 * 5', '2026-01-02T06:00:00Z'), '2026-01-09T06:00');
  assert.equal(next('0 6 13 * 5', '2026-01-09T06:00:00Z'), '2026-01-13T06:00');
});

test('what is no schedule is refused with what is wrong', () => {
  const wrong = ['', '* * * *', '60 * * * *', '* 24 * * *', '* * 0 * *', '* * * 13 *', '* * * * 8', '@daily'];
  for (const text of [...wrong, '*/0 * * * *', '5-1 * * * *', 'x * * * *', '1,,2 * * * *', '-1 * * * *']) {
    assert.throws(() => readSchedule(text), { code: 'MR_JOB_SCHEDULE' }, text);
  }
  assert.throws(() => readSchedule('0 3 * * 9'), { message: /Invalid value for dayOfWeek: 9/ });
});

test('every time between two consecutive ones has the second as its next', () => {
  const minutes = fc.uniqueArray(fc.integer({ min: 0, max: 59 }), { minLength: 1, maxLength: 4 });
  const times = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2027, 0, 1) });
  fc.assert(
    fc.property(
      minutes,
      fc.integer({ min: 0, max: 23 }),
      times,
      fc.double({ min: 0, max: 1, noNaN: true }),
      (list, hour, ms, share) => {
        const schedule = readSchedule(`${list.join()} ${hour} * * *`);
        const first = schedule.next(ms) as number;
        assert.ok(first > ms && first % 60_000 === 0 && new Date(first).getUTCHours() === hour);
        assert.ok(list.includes(new Date(first).getUTCMinutes()));
        const between = ms + Math.floor((first - 1 - ms) * share);
        assert.equal(schedule.next(between), first);
      },
    ),
  );
});
