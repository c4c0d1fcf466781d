import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { freePort, temporaryDirectory } from '#platform/testing';
import { consoleBlocks, type ShownCommand, shapeProblem } from './console-blocks.ts';

const root = join(import.meta.dirname, '../..');
const main = join(root, 'src/cli/main.ts');
const [started = [], live = [], engine = [], imported = []] = consoleBlocks(
  readFileSync(join(root, 'README.md'), 'utf8'),
);

/** Small enough for a test; a version of it passes the gate whatever it is worth. */
const configuration = (port: number) => ({
  http: { port },
  simulation: { users: 100, items: 500, days: 5, events: 5000 },
  training: { epochs: 1, dimension: 16 },
  gate: { minimumLift: 0 },
  versions: { gates: {}, production: 'any' },
});

/** In the form of MovieLens 100K, and a hundredth of it, so that it is there wherever the tests run. */
function writeMovieLens(directory: string): void {
  mkdirSync(directory);
  const write = (
    name: string,
    rows: number,
    row: (n: number) => readonly (string | number)[],
    separator = '|',
  ) => {
    const lines = Array.from({ length: rows }, (_, n) => `${row(n).join(separator)}\n`);
    writeFileSync(join(directory, name), lines.join(''));
  };
  const genres = (n: number) => Array.from({ length: 19 }, (_, genre) => (genre === 1 + (n % 5) ? 1 : 0));
  write('u.user', 60, (n) => [1 + n, 20 + n, 'M', 'student', '00000']);
  write('u.item', 30, (n) => [1 + n, `Film ${n} (1995)`, '01-Jan-1995', '', '', ...genres(n)]);
  const rating = (n: number) => [1 + (n % 60), 1 + ((n + 7 * Math.floor(n / 60)) % 30), 1 + ((n % 7) % 5)];
  write('u.data', 1200, (n) => [...rating(n), 880_000_000 + n * 600], '\t');
}

type Shell = (command: string) => Promise<string>;

/** A directory in which the commands of the README run, as `millrace` would from the repository. */
async function shell(t: TestContext): Promise<{ directory: string; port: number; run: Shell }> {
  const directory = temporaryDirectory(t);
  const port = await freePort();
  writeFileSync(join(directory, 'millrace.config.json'), JSON.stringify(configuration(port)));
  mkdirSync(join(directory, 'bin'));
  writeFileSync(join(directory, 'bin/npx'), `#!/bin/sh\nshift\nexec "${process.execPath}" "${main}" "$@"\n`, {
    mode: 0o755,
  });
  const path = `${join(directory, 'bin')}:${process.env.PATH}`;
  const run: Shell = (command) =>
    new Promise((resolve, reject) => {
      const line = command.replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`);
      execFile(
        '/bin/sh',
        ['-c', line],
        { cwd: directory, env: { ...process.env, PATH: path } },
        (error, out, err) => {
          if (error === null) resolve(out);
          else reject(new Error(`${command} ended with ${error.code}: ${err}`));
        },
      );
    });
  return { directory, port, run };
}

async function check(t: TestContext, run: Shell, commands: readonly ShownCommand[]): Promise<void> {
  const hasCurl = await run('command -v curl').then(
    () => true,
    () => false,
  );
  for (const shown of commands) {
    if (shown.command.startsWith('curl ') && !hasCurl) {
      t.diagnostic(`not run, as there is no curl here: ${shown.command}`);
      continue;
    }
    assert.equal(shapeProblem(shown, await run(shown.command)), undefined, shown.command);
  }
}

describe('README.md', () => {
  it('starts, and its commands give what it shows', async (t) => {
    const { directory, run } = await shell(t);
    const [start, ...others] = started;
    assert.equal(start?.command, 'npm start');
    assert.deepEqual(others, []);
    const child = spawn(process.execPath, [main, 'start'], {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    t.after(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    let out = '';
    let err = '';
    // The README shows what a terminal does: both streams, as they come.
    let terminal = '';
    child.stderr.on('data', (text) => {
      err += text;
      terminal += text;
    });
    await new Promise<void>((resolve) => {
      void ended.then(() => resolve());
      child.stdout.on('data', (text) => {
        out += text;
        terminal += text;
        if (out.includes('millrace topics')) resolve();
      });
    });
    assert.equal(child.exitCode, null, err);
    assert.equal(shapeProblem(start, terminal), undefined);
    assert.ok(
      out.split('\nWorld')[1] !== undefined &&
        out
          .slice(out.indexOf('\nWorld') + 1)
          .trim()
          .split('\n').length <= 10,
    );

    await check(t, run, live);
    child.kill('SIGINT');
    assert.equal(await ended, 0, err);
    await check(t, run, engine);
  });

  it('imports MovieLens, trains and recommends as it shows', async (t) => {
    const { directory, run } = await shell(t);
    writeMovieLens(join(directory, 'ml-100k'));
    assert.equal(imported.length, 3);
    await check(t, run, imported);
  });

  it('is at most 120 lines', () => {
    assert.ok(readFileSync(join(root, 'README.md'), 'utf8').trimEnd().split('\n').length <= 120);
  });
});

describe('shapeProblem', () => {
  const shown = (...output: string[]): ShownCommand => ({ command: 'x', output });

  it('finds what is missing and lets figures differ', () => {
    const table = shown('topic  records', ' 1  A title', 'Model     version 3fb8 promoted', '...');
    assert.equal(shapeProblem(table, 'topic  records\nModel     version 1 promoted\n'), undefined);
    assert.match(shapeProblem(table, 'topic  records\n') ?? '', /no line like "Model/);
    const header = shown(' version    status  recall@10');
    assert.equal(shapeProblem(header, ' version  status    recall@10'), undefined);
    assert.match(shapeProblem(header, ' version  model  status  recall@10') ?? '', /no line like " version/);
    assert.equal(shapeProblem(shown('{"a":1,"b":{...}}'), '{"a":2,"b":{}}'), undefined);
    assert.match(shapeProblem(shown('{"a":1}'), '{"c":2}') ?? '', /no line like/);
  });
});
