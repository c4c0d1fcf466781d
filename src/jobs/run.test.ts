import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobRun } from '#schemas';
import { ended, errorFields, errorOf, isUndone, newRun } from './run.ts';

const run = newRun({ runId: 'r', job: 'a', trigger: 'cron', cause: '', now: 0, counted: [] });
const away = { error_code: 'MR_JOB_INTERRUPTED', error: 'away' };

test('a run has an error where it came to nothing, not where a later attempt has made up for one', () => {
  const shown = (changes: Partial<JobRun>) => errorOf({ ...run, ...away, ...changes });
  const error = { code: 'MR_JOB_INTERRUPTED', message: 'away' };
  assert.deepEqual(shown({ status: 'failed' }), error);
  assert.deepEqual(shown({ status: 'skipped' }), error);
  assert.deepEqual(shown({ status: 'running' }), error);
  assert.equal(shown({ status: 'succeeded' }), undefined);
  assert.equal(shown({ status: 'skipped', outcome: 'nothing to do' }), undefined);
  assert.equal(errorOf(ended(run, 'cancelled', 1)), undefined);
});

test('a run that failed or was cancelled has left its work undone', () => {
  const of = (status: JobRun['status']) => isUndone(ended(run, status, 1));
  assert.deepEqual(
    [of('failed'), of('cancelled'), of('succeeded'), of('skipped')],
    [true, true, false, false],
  );
});

test('whatever was thrown can be recorded, and of what is too long the beginning', () => {
  assert.deepEqual(errorFields(undefined), { error_code: 'MR_UNEXPECTED', error: 'undefined' });
  assert.deepEqual(errorFields(Object.create(null)), {
    error_code: 'MR_UNEXPECTED',
    error: '[Object: null prototype] {}',
  });
  assert.equal(errorFields(new Error('x'.repeat(3_000_000))).error?.length, 10_000);
});
