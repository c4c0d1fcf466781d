import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
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
    simulation: { world: 'on', users: 60, items: 60, days: 5, events: 1000, liveEventsPerSecond: 0 },
    training: { modelModules: ['./model.ts'], models: ['best-sellers'] },
    models: { 'best-sellers': { most: 20 } },
    gate: { minimumLift: 0 },
    versions: { gates: {}, production: 'any' },
    features: { modules: ['./view.ts'] },
  },
};

/** The guide's first topology, with a line that exports it. */
function firstTopology(): string {
  const guide = readFileSync(join(root, 'docs/ENGINE.md'), 'utf8');
  const blockOf = (name: string) => {
    const [, block] = new RegExp(`<!-- example: ${name} -->\n\`\`\`ts\n(.*?)\`\`\``, 's').exec(guide) ?? [];
    assert.ok(block !== undefined, `the guide has an example ${name}`);
    return block;
  };
  const imports = blockOf('first-imports').replace(/^import .*'node:.*\n/gm, '');
  const doors = imports.replaceAll("'#", "'millrace/");
  return `${doors}\n${blockOf('first-topology')}\nexport { topology as default, views, watchTime };\n`;
}

/** An empty folder with the package as `npm install` unpacks it, and the dependencies of the repository. */
function install(t: TestContext): string {
  const directory = temporaryDirectory(t);
  const modules = join(directory, 'node_modules');
  mkdirSync(modules);
  for (const name of readdirSync(join(root, 'node_modules')).filter((each) => !each.startsWith('.')))
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  const pack = ['pack', '--silent', '--pack-destination', directory];
  const name = execFileSync('npm', pack, { cwd: root, encoding: 'utf8' }).trim();
  mkdirSync(join(modules, 'millrace'));
  const into = ['--strip-components=1', '-C', join(modules, 'millrace')];
  execFileSync('tar', ['-xzf', name, ...into], { cwd: directory });
  for (const [file, content] of Object.entries(project))
    writeFileSync(join(directory, file), JSON.stringify(content));
  cpSync(join(import.meta.dirname, 'scratch'), directory, { recursive: true });
  writeFileSync(join(directory, 'topology.ts'), firstTopology());
  return directory;
}

type Up = { readonly url: string; readonly version?: string };

/** Begins a command, and resolves with the line that it prints when it is up. */
async function begin(t: TestContext, cwd: string, ...args: readonly string[]) {
  const bin = join(cwd, 'node_modules/millrace/bin/millrace.js');
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  const child = spawn(process.execPath, [bin, ...args, '--json'], { cwd, stdio: [...stdio] });
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'close');
  const [line] = (await once(createInterface(child.stdout as NonNullable<typeof child.stdout>), 'line')) as [
    string,
  ];
  const stop = async () => {
    child.kill('SIGINT');
    assert.deepEqual(await ended, [0, null]);
  };
  return { ...(JSON.parse(line) as Up), stop };
}

it('in a folder of its own, the package runs the guide’s topology, and starts with a view and a model of modules', {
  timeout: 300_000,
}, async (t) => {
  const cwd = install(t);
  const execute = promisify(execFile);
  const types = execute(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'], {
    cwd,
  });
  const starting = begin(t, cwd, 'start');
  const run = await begin(t, cwd, 'run', 'topology.ts');
  const { stdout } = await execute(process.execPath, ['try.ts'], { cwd });
  assert.equal(stdout, 'ann 42\n');
  const total = async () => {
    const response = await fetch(`${run.url}/stores/total/state?key=ann`, {
      headers: { connection: 'close' },
    });
    return ((await response.json()) as { entries?: { value: number }[] }).entries?.[0]?.value;
  };
  while ((await total()) !== 42) await setTimeout(20);
  await run.stop();
  await types;

  const { url, version, stop } = await starting;
  assert.match(version ?? '', /^[0-9a-f]{16}$/);
  const answer = (await (await fetch(`${url}/recommend/u1?k=3`)).json()) as { version: string };
  assert.equal(answer.version, version);
  const client = await execute(process.execPath, ['client.ts', url], { cwd });
  assert.equal(client.stdout, '3 MR_ACCESS_TOKEN_MISSING\n');
  // The view is built in the background.
  while ((await fetch(`${url}/features/user/u1?views=taps`)).status !== 200) await setTimeout(100);
  await stop();
});
