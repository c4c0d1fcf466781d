import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import { ConfigurationError } from './errors.ts';
import { describeReference, parseReference, readSecret, readSecretNow, type SecretPlace } from './secrets.ts';

const LONGEST_SECRET = 64 * 1024;
const SOURCE = 'environment variable MILLRACE_ADMIN_TOKEN';
const node = JSON.stringify(process.execPath);

function placeIn(directory: string, environment: SecretPlace['environment'] = {}): SecretPlace {
  return { option: 'admin.token', source: SOURCE, environment, directory };
}

/** By both ways of reading, which have to agree. */
async function read(text: string, place: SecretPlace): Promise<string> {
  const reference = parseReference(text, place) ?? assert.fail(`${text} is no reference`);
  const secret = await readSecret(reference, place);
  assert.equal(readSecretNow(reference, place), secret);
  return secret;
}

/** Both ways refuse alike, and name the option and its source. */
async function refused(text: string, place: SecretPlace, problem: RegExp, hidden?: RegExp): Promise<void> {
  const check = (error: unknown) => {
    assert.ok(error instanceof ConfigurationError);
    assert.equal(error.code, 'MR_CONFIG_SECRET');
    assert.match(error.message, problem);
    assert.match(error.message, /option admin\.token.*MILLRACE_ADMIN_TOKEN/);
    if (hidden !== undefined) assert.doesNotMatch(`${error.message}${error.hint}${error.stack}`, hidden);
    assert.equal(error.cause, undefined);
    return true;
  };
  const reference = () => parseReference(text, place) ?? assert.fail(`${text} is no reference`);
  assert.throws(() => readSecretNow(reference(), place), check);
  await assert.rejects(async () => readSecret(reference(), place), check);
}

function directoryWith(t: TestContext, content: string | Uint8Array): string {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'secret'), content);
  return directory;
}

describe('secrets by reference', { timeout: 120_000 }, () => {
  it('are told from values by their first word', (t) => {
    const place = placeIn(temporaryDirectory(t));
    for (const value of ['secret', 'files:x', 'FILE:x', ' file:x', 'https://a', 'x file:y', '']) {
      assert.equal(parseReference(value, place), undefined, value);
    }
    for (const empty of ['file:', 'env:', 'exec:', 'exec:  ']) {
      assert.throws(() => parseReference(empty, place), {
        code: 'MR_CONFIG_SECRET',
        message: /nothing after/,
      });
    }
  });

  it('are shown without the arguments of a command', (t) => {
    const shown = (text: string) => {
      const reference = parseReference(text, placeIn(temporaryDirectory(t)));
      return reference && describeReference(reference);
    };
    assert.equal(shown('file:/run/secrets/x'), 'file:/run/secrets/x');
    assert.equal(shown('env:NAME'), 'env:NAME');
    assert.equal(shown('exec:vault'), 'exec:vault');
    assert.equal(shown('exec:vault read -token=abc'), 'exec:vault ...');
  });

  it('come from a file, without one trailing newline', async (t) => {
    for (const [content, expected] of [
      ['s', 's'],
      ['s\n', 's'],
      ['s\r\n', 's'],
      ['s\n\n', 's\n'],
      [' s \n', ' s '],
      ['file:other', 'file:other'],
      ['x'.repeat(LONGEST_SECRET), 'x'.repeat(LONGEST_SECRET)],
    ] as const) {
      const directory = directoryWith(t, content);
      assert.equal(await read('file:secret', placeIn(directory)), expected);
      assert.equal(await read(`file:${join(directory, 'secret')}`, placeIn('/')), expected);
    }
  });

  it('are refused where the file is missing, empty, too long, not text or not a file', async (t) => {
    await refused('file:none', placeIn(temporaryDirectory(t)), /none cannot be read \(ENOENT\)/);
    for (const empty of ['', '\n', '\r\n']) {
      await refused('file:secret', placeIn(directoryWith(t, empty)), /secret is empty/);
    }
    const long = directoryWith(t, 'x'.repeat(LONGEST_SECRET + 1));
    await refused('file:secret', placeIn(long), /more than 65536 bytes/, /xx/);
    await refused('file:secret', placeIn(directoryWith(t, Uint8Array.of(0x68, 0xff))), /not hold UTF-8/);
    const directory = temporaryDirectory(t);
    mkdirSync(join(directory, 'folder'));
    await refused('file:folder', placeIn(directory), /folder is not a file/);
    await refused('file:/dev/zero', placeIn(directory), /zero is not a file/);
  });

  it('come from a variable', async (t) => {
    const place = placeIn(temporaryDirectory(t), { NAME: 'secret\n', EMPTY: '' });
    assert.equal(await read('env:NAME', place), 'secret');
    await refused('env:EMPTY', place, /variable EMPTY is empty/);
    await refused('env:NONE', place, /variable NONE is not set/);
  });

  it('come from a command, which no shell reads, in the working directory', async (t) => {
    const directory = directoryWith(t, '');
    writeFileSync(
      join(directory, 'print.js'),
      'process.stdout.write(process.argv.slice(2).join("|") + "\\n")',
    );
    const printed = (args: string) => read(`exec:${node} print.js ${args}`, placeIn(directory));
    assert.equal(await printed('a  b'), 'a|b');
    assert.equal(await printed(`"a b" 'c "d"' ""`), 'a b|c "d"|');
    assert.equal(await printed('$HOME * ; a&&b `x`'), '$HOME|*|;|a&&b|`x`');
    await refused('exec:node "a', placeIn(directory), /quote/);
    await refused('exec:node a"b"', placeIn(directory), /quote/);
  });

  it('are refused where the command cannot be run, fails, or prints nothing or too much', async (t) => {
    const directory = directoryWith(t, '');
    const script = (text: string) => {
      writeFileSync(join(directory, 'script.js'), text);
      return `exec:${node} script.js token-4711`;
    };
    const place = placeIn(directory);
    const hidden = /4711/;
    await refused('exec:no-such-command token-4711', place, /cannot be run \(ENOENT\)/, hidden);
    await refused('exec:./secret token-4711', place, /cannot be run \(EACCES\)/, hidden);
    const failing = script('console.log("out-4711"); console.error("err-4711"); process.exit(3)');
    await refused(failing, place, /failed with exit code 3/, hidden);
    await refused(script('process.kill(process.pid, "SIGKILL")'), place, /was ended by/, hidden);
    await refused(script('console.log()'), place, /is empty/, hidden);
    const prints = (bytes: number) => script(`process.stdout.write("4".repeat(${bytes}))`);
    assert.equal((await read(prints(LONGEST_SECRET), place)).length, LONGEST_SECRET);
    await refused(prints(LONGEST_SECRET + 1), place, /more than 65536 bytes/, /444/);
  });

  it('end a command that takes too long, and do not wait for what it started', async (t) => {
    const directory = directoryWith(t, '');
    const child =
      'require("child_process").spawn("sleep", ["60"], { stdio: "inherit", detached: false }).unref()';
    writeFileSync(join(directory, 'late.js'), `${child}; setInterval(() => {}, 1000)`);
    const limit = { ...placeIn(directory, { PATH: process.env.PATH }), commandMs: 300 };
    await refused(`exec:${node} late.js`, limit, /took more than 0\.3 s/);
  });
});
