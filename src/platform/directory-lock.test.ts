import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { inspectLock, lockDirectory } from './directory-lock.ts';
import { ConfigurationError } from './errors.ts';
import { temporaryDirectory } from './testing/resources.ts';

describe('lock of a data directory', () => {
  it('has one holder, who can be asked for', (t) => {
    const path = join(temporaryDirectory(t), 'data');
    assert.deepEqual(inspectLock(path), { held: false });
    assert.equal(existsSync(path), false);

    const lock = lockDirectory(path, 'start');
    assert.deepEqual(inspectLock(path), { held: true, pid: process.pid, purpose: 'start' });
    lock.publishAddress('http://127.0.0.1:8080');
    assert.equal(inspectLock(path).address, 'http://127.0.0.1:8080');
    assert.throws(
      () => lockDirectory(path, 'train'),
      (error) => {
        assert.ok(error instanceof ConfigurationError);
        assert.equal(error.code, 'MR_DATA_LOCKED');
        assert.match(error.message, new RegExp(`${process.pid} \\(start\\)`));
        return true;
      },
    );

    lock.release();
    lock.release();
    assert.deepEqual(inspectLock(path), { held: false });
    lockDirectory(path, 'train').release();
  });

  it('refuses what is no directory', (t) => {
    const file = join(temporaryDirectory(t), 'file');
    writeFileSync(file, '');
    for (const path of [file, join(file, 'below')]) {
      assert.throws(() => lockDirectory(path, 'start'), {
        code: 'MR_DATA_UNUSABLE',
        name: ConfigurationError.name,
      });
    }
  });

  it('excludes other processes and goes with kill -9', async (t) => {
    const path = temporaryDirectory(t);
    const module = JSON.stringify(new URL('./directory-lock.ts', import.meta.url).href);
    const script = `const { lockDirectory } = await import(${module});
      globalThis.lock = lockDirectory(${JSON.stringify(path)}, 'import');
      console.log('locked');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script]);
    t.after(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    assert.deepEqual(inspectLock(path), { held: true, pid: child.pid, purpose: 'import' });
    assert.throws(() => lockDirectory(path, 'train'), { code: 'MR_DATA_LOCKED' });

    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.deepEqual(inspectLock(path), { held: false });
    const lock = lockDirectory(path, 'train');
    assert.deepEqual(inspectLock(path), { held: true, pid: process.pid, purpose: 'train' });
    lock.release();
  });
});
