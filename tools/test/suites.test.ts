import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';
import { choose, filesOf, GROUPS } from './suites.ts';

const root = join(import.meta.dirname, '../..');

it('every test file is of one suite, and a long one of one group', () => {
  const tracked = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.test.ts'], {
    cwd: root,
    encoding: 'utf8',
  });
  const { quick, long } = filesOf(root);
  const known = new Set([...quick, ...long]);
  const missing = tracked.stdout.split('\n').filter((file) => file !== '' && !known.has(file));
  assert.deepEqual(missing, [], 'in a folder that no suite takes');
  const ofGroups = choose('long', [], root).groups.flatMap(({ files }) => files);
  assert.deepEqual(
    ofGroups.filter((file) => file.endsWith('.long.test.ts')).sort(),
    [...long],
    'each in one group',
  );
});

it('every group has files, and CI has the promises on real servers', () => {
  const { groups } = choose('long', [], root);
  assert.deepEqual(
    groups.map(({ name }) => name),
    GROUPS.map(({ name }) => name),
  );
  const [promises] = choose('long', ['promises'], root).groups;
  assert.ok(promises?.servers);
  const kafka = choose('long', ['kafka'], root).groups.map(({ name }) => name);
  assert.deepEqual(kafka, ['kafka'], 'not what has that in its path in others');
});

it('a path chooses files, and one that fits nothing is named', () => {
  const { groups, unknown } = choose('quick', ['test/suites', 'nowhere'], root);
  assert.deepEqual(
    groups.map(({ files }) => files),
    [['tools/test/suites.test.ts']],
  );
  assert.deepEqual(unknown, ['nowhere']);
});
