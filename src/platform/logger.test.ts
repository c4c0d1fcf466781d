import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { hashUser } from './logger.ts';
import { temporaryDirectory } from './testing/index.ts';

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

  const hasScript = spawnSync('script', ['--version']).status === 0;
  it('writes words in a terminal, unless the level is debug', {
    skip: !hasScript && 'needs script of util-linux',
  }, (t) => {
    const rooms = new URL('./index.ts', import.meta.url).href;
    const written = (level: string) => {
      const code = `import { createLogger, InputError } from ${JSON.stringify(rooms)};
        createLogger({ level: '${level}', name: 'test' }).error({ err: new InputError('MR_TEST', 'wrong', { hint: 'right it' }) }, 'failed');`;
      const path = join(temporaryDirectory(t), 'logs.mjs');
      writeFileSync(path, code);
      return spawnSync('script', ['-qec', `${process.execPath} ${path}`, '/dev/null'], { encoding: 'utf8' })
        .stdout;
    };
    assert.equal(written('info').replaceAll('\r', ''), 'error: failed: wrong (MR_TEST)\nhint: right it\n');
    assert.match(written('debug'), /^\{"level":50.*"stack":/);
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
