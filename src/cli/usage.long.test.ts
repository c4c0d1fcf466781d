import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { Command } from 'commander';
import { loadConfiguration } from '#service/configuration';
import { commands } from './commands.ts';
import { commandLine, jsonLines } from './testing/command-line.ts';

/** All commands with those in them, each told to do nothing, with what its help prints. */
async function quietCommands(): Promise<{ readonly program: Command; readonly pages: readonly string[] }> {
  const program = new Command('millrace').enablePositionalOptions();
  for (const { name, definition } of commands) program.addCommand((await definition())(new Command(name)));
  const pages: string[] = [];
  const quieten = (command: Command): void => {
    command.exitOverride().configureOutput({ writeOut: (page) => pages.push(page), writeErr: () => {} });
    for (const each of command.commands) quieten(each);
    if (command === program) return;
    command.outputHelp();
    command.action(() => {
      const { set = {} } = command.opts<{ set?: Record<string, string> }>();
      loadConfiguration({ flags: set, environment: {}, directory: import.meta.dirname });
    });
  };
  quieten(program);
  return { program, pages };
}

/** The words of a command line up to a pipe, as a shell has them. */
function words(line: string): string[] {
  const [, ...all] = line.match(/"[^"]*"|'[^']*'|[^\s"']+/g) ?? [];
  const end = all.indexOf('|');
  return all.slice(0, end < 0 ? undefined : end).map((word) => word.replace(/^(["'])(.*)\1$/, '$2'));
}

describe('command line', { concurrency: 2 }, () => {
  it('ends quietly when the reader of its help has gone', async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), '--help'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    const [errors, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    assert.deepEqual([code, errors], [0, '']);
  });

  it('fails in words when its output cannot be written', async (t) => {
    if (!existsSync('/dev/full')) return t.skip('there is no /dev/full');
    const full = openSync('/dev/full', 'w');
    t.after(() => closeSync(full));
    for (const args of [['--help'], ['config', 'show']]) {
      const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], {
        stdio: ['ignore', full, 'pipe'],
      });
      const [errors, [code]] = await Promise.all([text(child.stderr as Readable), once(child, 'exit')]);
      assert.equal(code, 1);
      assert.match(errors, /^error MR_OUTPUT: .*no space left.*\nhint: .*\n$/);
    }
  });

  it('explains itself and every command, with examples and exit codes', async (t) => {
    const { runEach } = commandLine(t);
    const commands = [
      'start',
      'run',
      'import movielens',
      'import ranklens',
      'import yoochoose',
      'import files',
      'snapshot',
      'train',
      'recommend',
      'versions',
      'topics',
      'topology',
      'verify',
      'events tail',
      'copy',
      'opt-out',
      'opt-in',
      'erase',
      'sql',
      'features',
      'features show',
      'features get',
      'features history',
      'features drop',
      'config show',
      'config check',
    ];
    const pages = await runEach(
      ['', ...commands].map((name) => [...name.split(' ').filter(Boolean), '--help']),
    );
    for (const { code, out, err } of pages) {
      assert.deepEqual({ code, err }, { code: 0, err: '' });
      assert.match(out, /Examples:\n {2}\$ millrace /);
      assert.match(
        out,
        /Exit codes: 0 done; 1 failed; 2 wrong usage, input or configuration; 130 interrupted\./,
      );
      for (const line of out.split('\n')) assert.ok(line.length <= 120, line);
    }
    for (const { out } of pages.slice(1)) {
      for (const option of ['--data <dir>', '--config <file>', '--json']) assert.ok(out.includes(option));
    }
  });

  it('shows examples that are commands of its own, with the options that these have', async () => {
    const { program, pages } = await quietCommands();
    const examples = pages.flatMap((page) => page.match(/(?<=^ {2}\$ )millrace .*?(?= *(# |$))/gm) ?? []);
    assert.ok(examples.length > 60, `${examples.length} examples`);
    for (const example of examples) {
      await assert.doesNotReject(program.parseAsync(words(example), { from: 'user' }), example);
    }
    await assert.rejects(program.parseAsync(words('millrace versions --al'), { from: 'user' }));
    await assert.rejects(program.parseAsync(words('millrace start --set http.prot=1'), { from: 'user' }));
  });

  it('refuses what it cannot do, with a code, what is wrong and what to do', async (t) => {
    const refusals = [
      [['bogus'], 'MR_USAGE', /bogus/],
      [['train', '--sed', '1'], 'MR_USAGE', /--sed/],
      [['recommend'], 'MR_USAGE', /user/],
      [['recommend', '1', '-k', '0'], 'MR_USAGE', /whole number from 1 to 100/],
      [['recommend', '1', '--device', 'fridge'], 'MR_USAGE', /Allowed choices are/],
      [['topics'], 'MR_DATA_EMPTY', /\.millrace/],
      [['topics', '--data', 'loop'], 'MR_DATA_UNUSABLE', /ELOOP/],
      [['topics', '--data', 'x'.repeat(100_000)], 'MR_CONFIG_INVALID', /^.{200,500}$/],
      [['start', '--set', 'http.port=x'], 'MR_CONFIG_INVALID', /http\.port/],
      [['start', '--set', 'http.prot=1'], 'MR_CONFIG_UNKNOWN', /http\.prot/],
      [['start', '--config', 'none.json'], 'MR_CONFIG_FILE', /none\.json/],
    ] as const;
    const { directory, runEach } = commandLine(t);
    symlinkSync('loop', join(directory, 'loop'));
    const printed = await runEach(refusals.map(([args]) => args));
    for (const [i, [args, code, message]] of refusals.entries()) {
      const { code: exitCode, out, err } = printed[i] ?? assert.fail();
      assert.deepEqual([exitCode, out], [2, ''], args.join(' '));
      const [first = '', second = '', ...rest] = err.trim().split('\n');
      assert.ok(first.startsWith(`error ${code}: `), first);
      assert.match(first, message);
      assert.match(second, /^hint: \S/);
      assert.deepEqual(rest, []);
    }
  });

  it('gives errors as JSON with --json, and stacks with --log-level debug alone', async (t) => {
    const { run } = commandLine(t);
    const json = await run(['topics', '--json']);
    const [{ error } = { error: {} }] = jsonLines<{ error: { code?: string; hint?: string } }>(json.err);
    assert.equal(error.code, 'MR_DATA_EMPTY');
    assert.match(error.hint ?? '', /millrace start/);
    const nested = await run(['features', 'get', 'user', 'u', '--data', 'elsewhere', '--json']);
    assert.match(nested.err, /^\{"error":.*elsewhere/, 'options of a command in a command are its own');
    assert.doesNotMatch((await run(['topics'])).err, /\n {4}at /);
    assert.match((await run(['topics', '--log-level', 'debug'])).err, /\n {4}at /);
  });
});
