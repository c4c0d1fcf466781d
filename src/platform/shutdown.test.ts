import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import type { Logger } from './logger.ts';
import { Shutdown } from './shutdown.ts';
import { ManualClock } from './testing/manual-clock.ts';

function listeningLogger(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const write = (fields: object | string, message?: string) => {
    lines.push(typeof fields === 'string' ? fields : `${message} ${'part' in fields ? fields.part : ''}`);
  };
  const logger: Logger = { debug: write, info: write, warn: write, error: write, child: () => logger };
  return { logger, lines };
}

describe('shutdown', () => {
  it('stops in reverse order, one after the other, once', async () => {
    const clock = new ManualClock();
    const shutdown = new Shutdown({ logger: listeningLogger().logger, clock });
    const stopped: string[] = [];
    for (const name of ['log', 'engine', 'http']) {
      shutdown.add(name, async () => {
        stopped.push(`${name} stops`);
        await Promise.resolve();
        stopped.push(`${name} stopped`);
      });
    }
    assert.equal(shutdown.signal.aborted, false);
    await Promise.all([shutdown.stop('test'), shutdown.stop('again')]);
    assert.equal(shutdown.signal.aborted, true);
    assert.deepEqual(
      stopped,
      ['http', 'engine', 'log'].flatMap((name) => [`${name} stops`, `${name} stopped`]),
    );
    assert.equal(clock.sleeping, 0);
  });

  it('goes on past a part that fails and one that hangs, and says so', async () => {
    const clock = new ManualClock();
    const { logger, lines } = listeningLogger();
    const shutdown = new Shutdown({ logger, clock });
    let logClosed = false;
    shutdown.add('log', async () => {
      logClosed = true;
    });
    shutdown.add('hanging', () => new Promise(() => {}), 500);
    shutdown.add('failing', () => Promise.reject(new Error('no')));
    const stopped = shutdown.stop('test');
    await clock.advance(499);
    assert.equal(logClosed, false);
    await clock.advance(1);
    await stopped;
    assert.equal(logClosed, true);
    assert.deepEqual(lines.slice(1), [
      'a part failed to stop failing',
      'a part did not stop in time hanging',
    ]);
  });

  it('stops at once what is added after it has begun, and tells who adds it', async () => {
    const shutdown = new Shutdown({ logger: listeningLogger().logger, clock: new ManualClock() });
    await shutdown.stop('test');
    let stopped = false;
    const stop = async () => {
      stopped = true;
    };
    assert.throws(() => shutdown.add('late', stop), { name: 'AbortError' });
    await shutdown.stop('again');
    assert.equal(stopped, true);
  });

  // `hang`: the part stops only when two signals have come; `late`: there is a second between them.
  const program = `
    import { createLogger, Shutdown, systemClock } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    let now = 0;
    const clock = { ...systemClock, monotonic: () => now };
    const shutdown = new Shutdown({ logger: createLogger({ level: 'silent', name: 'test' }), clock });
    shutdown.onSignals();
    const both = new Promise((resolve) => process.on('SIGTERM', resolve));
    const alive = setInterval(() => {}, 1000);
    shutdown.add('timer', async () => {
      if (process.argv.at(-1).includes('late')) now += 1000;
      console.log('stopping');
      if (process.argv.at(-1).includes('hang')) await both;
      clearInterval(alive);
    });
    console.log('ready');`;

  async function signalled(mode: string, ...signals: NodeJS.Signals[]): Promise<unknown[]> {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program, mode]);
    for (const signal of signals) {
      await once(child.stdout, 'data');
      child.kill(signal);
    }
    return once(child, 'exit');
  }

  it('ends by itself after a signal', async () => {
    assert.deepEqual(await signalled('', 'SIGINT'), [0, null]);
    assert.deepEqual(await signalled('', 'SIGTERM'), [0, null]);
  });

  it('takes a signal that comes twice at once for one', async () => {
    assert.deepEqual(await signalled('hang', 'SIGINT', 'SIGTERM'), [0, null]);
  });

  it('ends at once with 130 on a second signal', async () => {
    assert.deepEqual(await signalled('hang late', 'SIGINT', 'SIGTERM'), [130, null]);
  });
});
