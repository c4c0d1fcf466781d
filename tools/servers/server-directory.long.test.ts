import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ServerDirectory } from './server-directory.ts';
import { allGone, startModule, stateOf } from './testing/processes.ts';

const limit = { timeout: 180_000 };

/** A program with a process that would go on for ever: prints its pid and its directory, then does what `then` says. */
const program = (then: string) => [
  '--input-type=module-typescript',
  '--eval',
  `import { ServerDirectory } from '${join(import.meta.dirname, 'server-directory.ts')}';
  const directory = new ServerDirectory('test');
  const { pid } = directory.start('sleep', ['1000'], { log: 'sleep.log' });
  console.log(JSON.stringify({ pid, path: directory.path }));
  ${then}`,
];

describe('ServerDirectory', () => {
  for (const signal of ['SIGKILL', 'SIGINT', 'SIGTERM'] as const) {
    it(`goes with its processes when the process that made it is ended by ${signal}`, limit, async (t) => {
      const { child, line } = startModule(t, program('setInterval(() => {}, 1000);'));
      const { pid, path } = JSON.parse(await line) as { pid: number; path: string };
      assert.ok(existsSync(path));
      child.kill(signal);
      await allGone([pid], [path]);
    });
  }

  it(
    'goes when the process that made it ends by itself, which it does not keep from that',
    limit,
    async (t) => {
      const { line, ended } = startModule(t, program(''));
      const { pid, path } = JSON.parse(await line) as { pid: number; path: string };
      assert.equal(await ended, 0);
      await allGone([pid], [path]);
    },
  );

  it('kills what runs in it, stopped or not, and is removed', limit, async () => {
    const directory = new ServerDirectory('test');
    const first = directory.start('sleep', ['1000'], { log: 'a.log' });
    const second = directory.start('sleep', ['1000'], { log: 'b.log' });
    second.signal('SIGSTOP');
    await directory.remove();
    assert.deepEqual([first.isRunning, second.isRunning], [false, false]);
    await allGone([first.pid, second.pid], [directory.path]);
  });

  it('does not wait for ever for a process to end in order', limit, async () => {
    const directory = new ServerDirectory('test');
    const deaf = directory.start('sh', ['-c', "trap '' TERM; echo deaf; while :; do sleep 1; done"], {
      log: 'a.log',
    });
    await deaf.ready((output) => output.includes('deaf'));
    await deaf.end('SIGTERM', 100);
    assert.equal(await stateOf(deaf.pid), undefined);
    await directory.remove();
  });

  it('ends a stopped process in order', limit, async () => {
    const directory = new ServerDirectory('test');
    const stopped = directory.start('sleep', ['1000'], { log: 'a.log' });
    stopped.signal('SIGSTOP');
    await stopped.end('SIGTERM');
    assert.equal(await stateOf(stopped.pid), undefined);
    await directory.remove();
  });
});

describe('ServerProcess', () => {
  it('is ready when its output says so, that of this run alone', limit, async () => {
    const directory = new ServerDirectory('test');
    try {
      const script = ['-c', 'echo begun $0; exec sleep 1000'];
      const first = directory.start('sh', [...script, 'one'], { log: 'sh.log' });
      await first.ready((output) => output.includes('begun one'));
      await first.end('SIGKILL');
      const second = directory.start('sh', [...script, 'two'], { log: 'sh.log' });
      await second.ready((output) => output.includes('begun'));
      assert.equal(second.output(), 'begun two\n');
      assert.equal(readFileSync(join(directory.path, 'sh.log'), 'utf8'), 'begun one\nbegun two\n');
    } finally {
      await directory.remove();
    }
  });

  it('says with the end of its log that it has ended', limit, async () => {
    const directory = new ServerDirectory('test');
    try {
      const failing = directory.start('sh', ['-c', 'echo no such thing >&2; exit 3'], { log: 'sh.log' });
      await assert.rejects(
        failing.ready(() => false),
        /sh ended; the end of .*sh\.log:\nno such thing/,
      );
      const missing = directory.start('/no/such/program', [], { log: 'missing.log' });
      await assert.rejects(
        missing.ready(() => false),
        /program ended/,
      );
    } finally {
      await directory.remove();
    }
  });
});
