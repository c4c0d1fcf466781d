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

  it('hides a user id behind a stable hash', () => {
    assert.equal(hashUser('42'), hashUser('42'));
    assert.notEqual(hashUser('42'), hashUser('43'));
    assert.match(hashUser('anna@example.org'), /^[0-9a-f]{12}$/);
  });
});
