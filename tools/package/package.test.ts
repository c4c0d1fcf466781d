import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { temporaryDirectory } from '#platform/testing';

const root = join(import.meta.dirname, '../..');

const project = {
  'package.json': { type: 'module' },
  'tsconfig.json': {
    compilerOptions: {
      module: 'nodenext',
      target: 'es2024',
      lib: ['esnext'],
      types: ['node'],
      strict: true,
      skipLibCheck: true,
      noEmit: true,
      allowImportingTsExtensions: true,
    },
    include: ['*.ts'],
  },
  'millrace.config.json': {
    http: { port: 0 },
    simulation: { world: 'on', users: 60, items: 60, days: 5, events: 3000, liveEventsPerSecond: 0 },
    training: { epochs: 1, dimension: 8 },
    gate: { minimumLift: 0 },
    versions: { gates: {}, production: 'any' },
    features: { modules: ['./view.ts'] },
  },
};

/** An empty folder with the package as `npm install` unpacks it, and the dependencies of the repository. */
function install(t: TestContext): string {
  const directory = temporaryDirectory(t);
  const modules = join(directory, 'node_modules');
  mkdirSync(modules);
  for (const name of readdirSync(join(root, 'node_modules')).filter((each) => !each.startsWith('.')))
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  const pack = ['pack', '--silent', '--pack-destination', directory];
  const name = execFileSync('npm', pack, { cwd: root, encoding: 'utf8' }).trim();
  execFileSync('tar', ['-xzf', name], { cwd: directory });
  cpSync(join(directory, 'package'), join(modules, 'millrace'), { recursive: true });
  for (const [file, content] of Object.entries(project))
    writeFileSync(join(directory, file), JSON.stringify(content));
  cpSync(join(import.meta.dirname, 'scratch'), directory, { recursive: true });
  return directory;
}

it('in a folder of its own, the package runs a topology, gives types, and starts with a view of a module', {
  timeout: 300_000,
}, async (t) => {
  const cwd = install(t);
  assert.match(execFileSync(process.execPath, ['topology.ts'], { cwd, encoding: 'utf8' }), /^ann 42\n$/);
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'], { cwd });

  const bin = join(cwd, 'node_modules/millrace/bin/millrace.js');
  const child = spawn(process.execPath, [bin, 'start', '--json'], {
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'close');
  for await (const line of createInterface(child.stdout)) {
    const { url, version } = JSON.parse(line) as { readonly url: string; readonly version?: string };
    assert.match(version ?? '', /^[0-9a-f]{16}$/);
    // The view is built in the background.
    while ((await fetch(`${url}/features/user/u1?views=taps`)).status !== 200) await setTimeout(100);
    break;
  }
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
});
