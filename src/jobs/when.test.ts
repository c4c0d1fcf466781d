import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readWhen, whenText } from './when.ts';

test('what options write is read and shown as it was written', () => {
  const forms =
    '30 2 * * *; every 100000 events; every 90 minutes; every 6 hours; every 2 days; on start; on promoted; on snapshot';
  assert.equal(readWhen(forms).map(whenText).join('; '), forms);
  assert.deepEqual(readWhen('every 1 hour').map(whenText), ['every 1 hour']);
  assert.deepEqual(readWhen('every 48 hours').map(whenText), ['every 2 days']);
  assert.deepEqual(readWhen('every 1 event').map(whenText), ['every 1 event']);
  assert.deepEqual(readWhen('off'), []);
});

test('what is none of the forms is refused', () => {
  const wrong = ['', 'on start;', 'off; on start', 'every 0 events', 'every -1 hours', 'every 1.5 hours'];
  for (const text of [...wrong, 'every hour', 'every 5 seconds', 'on', 'on monday', '0 3 * * * *', '@daily'])
    assert.throws(() => readWhen(text), { code: 'MR_JOB_SCHEDULE' }, text);
});
