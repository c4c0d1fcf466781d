import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { hashUser } from './logger.ts';

describe('logger', () => {
  it('writes JSON lines to standard error from the level on, errors with their code', () => {
    const rooms = new URL('./index.ts', import.meta.url).href;
    const script = `import { createLogger, InputError } from ${JSON.stringify(rooms)};
      const logger = createLogger({ level: 'info', name: 'test' }).child({ task: '0_1' });
      logger.debug('unseen');
      logger.error({ err: new InputError('MR_TEST', 'wrong', { hint: 'right it' }) }, 'failed');
      process.kill(process.pid, 'SIGKILL');`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      encoding: 'utf8',
    });
    assert.equal(stdout, '');
    const lines = stderr.trim().split('\n');
    assert.equal(lines.length, 1);
    const { name, task, msg, err } = JSON.parse(lines[0] ?? '');
    assert.deepEqual({ name, task, msg }, { name: 'test', task: '0_1', msg: 'failed' });
    assert.deepEqual([err.code, err.message, err.hint], ['MR_TEST', 'wrong', 'right it']);
  });

  it('leaves out what libraries add to their errors, in those within them too', () => {
    const rooms = new URL('./index.ts', import.meta.url).href;
    const script = `import { createLogger } from ${JSON.stringify(rooms)};
      const sent = { command: { args: ['unmistakable'] }, password: 'unmistakable', code: 'WRONGPASS' };
      const failed = (cause) => Object.assign(new Error('refused', { cause }), sent);
      const err = Object.assign(new AggregateError([failed()], 'all failed', { cause: failed(failed()) }), sent);
      createLogger({ level: 'info', name: 'test' }).error({ err }, 'away');`;
    const { stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      encoding: 'utf8',
    });
    const { err } = JSON.parse(stderr);
    assert.deepEqual([err.code, err.aggregateErrors[0].code], ['WRONGPASS', 'WRONGPASS']);
    assert.deepEqual(
      [err.message, err.aggregateErrors[0].message],
      ['all failed: refused: refused', 'refused'],
    );
    assert.match(err.stack, /all failed.*caused by.*refused/s);
    assert.doesNotMatch(stderr, /unmistakable/);
  });

  it('hides a user id behind a stable hash', () => {
    assert.equal(hashUser('42'), hashUser('42'));
    assert.notEqual(hashUser('42'), hashUser('43'));
    assert.match(hashUser('anna@example.org'), /^[0-9a-f]{12}$/);
  });
});
