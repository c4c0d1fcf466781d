import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';
import { testFiles } from './suites.ts';

const root = join(import.meta.dirname, '../..');

it('every test file is of one suite', () => {
  const tracked = spawnSync('git', ['ls-files', '*.test.ts'], { cwd: root, encoding: 'utf8' });
  const [parts, processes] = [testFiles('parts', root), testFiles('processes', root)];
  assert.deepEqual([...parts, ...processes].sort(), testFiles('all', root));
  assert.equal(new Set([...parts, ...processes]).size, parts.length + processes.length);
  const known = new Set(testFiles('all', root));
  const missing = tracked.stdout.split('\n').filter((file) => file !== '' && !known.has(file));
  assert.deepEqual(missing, [], 'in a folder that no suite takes');
  assert.ok(parts.includes('tools/test/suites.test.ts'));
  assert.ok(processes.includes('src/cli/start/start.test.ts'));
});

it('an unknown suite is refused, with what there is', () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, 'main.ts'), 'everything'],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(status, 2);
  assert.match(stderr, /usage: npm test .*SUITE/);
});
