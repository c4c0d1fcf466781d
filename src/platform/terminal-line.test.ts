import assert from 'node:assert/strict';
import { test } from 'node:test';
import { terminalLine } from './terminal-line.ts';

const of = { time: 1, pid: 2, name: 'millrace' };

test('a line of the log in words: what happened, with what, why and what to do; no stack', () => {
  const err = {
    type: 'RetryableError',
    message: 'Redis does not answer',
    stack: 'RetryableError: Redis does not answer\n    at somewhere (file.ts:1:2)',
    code: 'MR_REDIS_UNAVAILABLE',
    hint: 'Check that it runs.',
  };
  assert.equal(
    terminalLine(
      JSON.stringify({ level: 40, ...of, views: ['a', 'b'], topic: 'items', err, msg: 'rows are late' }),
    ),
    'warning: rows are late [views ["a","b"], topic items]: Redis does not answer (MR_REDIS_UNAVAILABLE)\nhint: Check that it runs.\n',
  );
});

test('what a line lacks is left out', () => {
  assert.equal(terminalLine(JSON.stringify({ level: 30, ...of, msg: 'ready' })), 'info: ready\n');
  assert.equal(
    terminalLine(JSON.stringify({ level: 50, ...of, err: {}, msg: 'it ended' })),
    'error: it ended: unknown\n',
  );
  assert.equal(terminalLine(JSON.stringify({ level: 50, ...of })), 'error: \n');
});
