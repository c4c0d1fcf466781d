import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { temporaryDirectory } from '#platform/testing';
import { edited, touchedBy, walksOf } from './walks.ts';

const root = join(import.meta.dirname, '../..');
const walks = walksOf(readFileSync(join(root, 'docs/CONTRIBUTING.md'), 'utf8'));
const run = promisify(execFile);

it('a walk touches no more than it says', () => {
  const touched = Object.fromEntries(walks.map((walk) => [walk.title, [...touchedBy(walk)]]));
  assert.deepEqual(touched, {
    'Add a view': ['features/views/user-devices.ts', 'features/catalogue.ts'],
    'Add a processor': ['processors/last-skips.ts', 'processors/index.ts', 'topologies/loop.ts'],
    'Add a model': ['models/co-occurrence/model.ts', 'models/catalogue.ts'],
    'Change the commit': ['src/engine/task/commit/commit.ts'],
  });
});

it('after the edits of a page, and npm run generate, the checks hold and the tests of the page pass', async (t) => {
  const copy = temporaryDirectory(t);
  cpSync(root, copy, {
    recursive: true,
    filter: (path) => !/\/(node_modules|dist|\.git|\.millrace)$/.test(path),
  });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const tests: string[] = [];
  for (const edit of walks.flatMap(({ edits }) => edits)) {
    const path = join(copy, edit.path);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, edited(existsSync(path) ? readFileSync(path, 'utf8') : undefined, edit));
    if (edit.path.endsWith('.test.ts')) tests.push(edit.path);
  }
  const node = (...args: string[]) => run(process.execPath, args, { cwd: copy, env: cleanEnvironment() });
  await node('tools/generate/main.ts');
  const features = readFileSync(join(copy, 'docs/FEATURES.md'), 'utf8');
  assert.match(features, /^\| `user-devices` \| 1 \| user \| 2 \| `devices` \|/m);
  assert.match(readFileSync(join(copy, 'docs/MODELS.md'), 'utf8'), /^\| `co-occurrence` \|/m);
  await node('tools/check/main.ts');
  await node('--test', ...tests, 'src/offline/snapshot/columns.test.ts');
});

/** Without what the test runner tells its own processes. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  return environment;
}
