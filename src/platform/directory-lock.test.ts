import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { inspectLock, lockDirectory, lockParts } from './directory-lock.ts';
import { ConfigurationError } from './errors.ts';
import { temporaryDirectory } from './testing/resources.ts';

describe('lock of a data directory', () => {
  it('has one holder, which can be queried', (t) => {
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

  it('has an owner for each part, beside whom nobody has the whole', (t) => {
    const path = temporaryDirectory(t);
    const gateway = lockParts(path, ['gateway'], 'start');
    const others = lockParts(path, ['responder', 'trainer'], 'start');
    others.publishAddress('http://127.0.0.1:8081');
    const own = { held: true, pid: process.pid, purpose: 'start' };
    assert.deepEqual(inspectLock(path, 'gateway'), own);
    assert.deepEqual(inspectLock(path, 'trainer'), { ...own, address: 'http://127.0.0.1:8081' });
    assert.deepEqual(inspectLock(path), { ...own, address: 'http://127.0.0.1:8081' });
    assert.deepEqual(inspectLock(path, 'archive'), { held: false });
    for (const taken of [
      () => lockDirectory(path, 'erase'),
      () => lockParts(path, ['archive', 'gateway'], 'start'),
    ])
      assert.throws(taken, { code: 'MR_DATA_LOCKED' });
    assert.throws(() => lockParts(path, ['archive', 'gateway'], 'start'), {
      message: new RegExp(`^Part gateway of the data directory .* is in use by process ${process.pid} `),
    });
    assert.deepEqual(
      inspectLock(path, 'archive'),
      { held: false },
      'what was taken before the refusal is free again',
    );

    gateway.release();
    assert.throws(() => lockDirectory(path, 'erase'), { code: 'MR_DATA_LOCKED' });
    others.release();
    const whole = lockDirectory(path, 'erase');
    assert.throws(() => lockParts(path, ['gateway'], 'start'), /MR_DATA_LOCKED|\(erase\)/);
    assert.deepEqual(inspectLock(path, 'gateway'), { ...own, purpose: 'erase' });
    whole.release();
  });

  it('makes one that nobody else may look into, and leaves one that is there as it is', (t) => {
    const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
    const path = join(temporaryDirectory(t), 'above', 'data');
    lockDirectory(path, 'start').release();
    assert.deepEqual([modeOf(path), modeOf(join(path, '..'))], ['700', '700']);
    chmodSync(path, 0o750);
    lockDirectory(path, 'start').release();
    assert.equal(modeOf(path), '750');
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
