import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

it('docs/SEMANTICS.md gives a reason for each case that a test expects to come out otherwise, at most five', () => {
  const rows = read('docs/SEMANTICS.md')
    .split('\n')
    .filter((line) => /^\| `[\w-]+\/[\w-]+`/.test(line));
  const cells = rows.map((row) => row.split(' | '));
  assert.ok(rows.length <= 5, `${rows.length} differences`);
  for (const [cases = '', theirs = '', ours = '', reason = ''] of cells) {
    assert.ok(
      [theirs, ours, reason].every((cell) => cell.trim().length > 10),
      cases,
    );
  }
  const explained = cells.flatMap(([cases = '']) =>
    Array.from(cases.matchAll(/`([\w-]+\/[\w-]+)`/g), ([, id]) => id),
  );
  const expected = [
    ...(/^const differences[\s\S]*?^};/m
      .exec(read('src/engine/testing/semantics/joins.long.test.ts'))?.[0]
      .matchAll(/^ {2}'([\w-]+\/[\w-]+)':/gm) ?? []),
    ...(/^const CLOSES_COMPLETELY.*$/m
      .exec(read('src/engine/testing/semantics/windows.test.ts'))?.[0]
      .matchAll(/'([\w-]+\/[\w-]+)'/g) ?? []),
  ].map(([, id]) => id);
  assert.ok(expected.length > 0);
  assert.deepEqual(explained.sort(), expected.sort());
});
