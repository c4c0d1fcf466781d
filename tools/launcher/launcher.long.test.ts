import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { temporaryDirectory } from '#platform/testing';

const bin = join(import.meta.dirname, '../../bin/millrace.js');

/** Makes the Node that runs the launcher seem old; the one that it starts is what it is. */
const asNode20 = `--import=data:text/javascript,${encodeURIComponent(
  "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.0.0' } })",
)}`;

/** A clone of the repository with `program` for the command, and with the package `node` in it. */
function clone(t: TestContext, program: string): string {
  const root = temporaryDirectory(t);
  for (const folder of ['bin', 'src/cli', 'node_modules/node/bin'])
    mkdirSync(join(root, folder), { recursive: true });
  cpSync(bin, join(root, 'bin/millrace.js'));
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(root, 'src/cli/main.ts'), program);
  writeFileSync(join(root, 'node_modules/node/package.json'), '{ "bin": { "node": "bin/node" } }');
  symlinkSync(process.execPath, join(root, 'node_modules/node/bin/node'));
  return root;
}

function launch(root: string, node: readonly string[], ...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [...node, join(root, 'bin/millrace.js'), ...args], { cwd: tmpdir() });
  return child;
}

async function outcome(
  child: ChildProcess,
): Promise<{ out: string; err: string; code: unknown; signal: unknown }> {
  assert.ok(child.stdout !== null && child.stderr !== null);
  const [out, err, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { out, err, code, signal };
}

describe('launcher', () => {
  const program = `const seen: string[] = process.argv.slice(2);
    console.log(JSON.stringify([seen, process.cwd(), process.versions.node]));
    process.exitCode = 3;`;
  const expected = JSON.stringify([['train', '--json'], tmpdir(), process.versions.node]);

  for (const [name, node] of [
    ['new', []],
    ['old', [asNode20]],
  ] as const) {
    it(`hands over arguments, working directory and exit code on a Node that is ${name}`, async (t) => {
      const { out, err, code } = await outcome(launch(clone(t, program), node, 'train', '--json'));
      assert.deepEqual({ out: out.trim(), err, code }, { out: expected, err: '', code: 3 });
    });
  }

  it('passes a signal on once and ends as the child does', async (t) => {
    const counting = `let count = 0;
      for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => { count++; console.log(signal); });
      const alive = setInterval(() => { if (count === 2) clearInterval(alive); }, 5);
      console.log('ready');`;
    const child = launch(clone(t, counting), [asNode20]);
    assert.ok(child.stdout !== null);
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      await once(child.stdout, 'data');
      child.kill(signal);
    }
    assert.deepEqual(await once(child, 'close'), [0, null]);
    assert.equal(out, 'ready\nSIGINT\nSIGTERM\n');
  });

  it('dies of the signal that killed the child', async (t) => {
    const root = clone(t, "process.kill(process.pid, 'SIGKILL');");
    assert.equal((await outcome(launch(root, [asNode20]))).signal, 'SIGKILL');
  });

  it('says what to do where the newer Node is missing', async (t) => {
    const root = clone(t, program);
    rmSync(join(root, 'node_modules'), { recursive: true });
    const { err, code } = await outcome(launch(root, [asNode20]));
    assert.equal(code, 1);
    assert.match(err, /needs Node 24 or newer; this is 20\.0\.0/);
    assert.match(err, /npm ci/);
  });

  it('says so too where it cannot be executed', async (t) => {
    const root = clone(t, program);
    const node = join(root, 'node_modules/node/bin/node');
    rmSync(node);
    writeFileSync(node, '');
    chmodSync(node, 0o644);
    const { err, code } = await outcome(launch(root, [asNode20]));
    assert.equal(code, 1);
    assert.match(err, /EACCES/);
  });
});
