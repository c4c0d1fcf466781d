import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import { runPrograms } from './programs.ts';

it('compiler and linters report what is wrong, each in its line', async (t) => {
  const root = temporaryDirectory(t);
  const home = join(import.meta.dirname, '../..');
  for (const name of ['node_modules', 'tsconfig.json', 'biome.json', '.oxlintrc.json', 'package.json']) {
    symlinkSync(join(home, name), join(root, name));
  }
  for (const folder of ['src', 'tools', 'bench', 'examples']) mkdirSync(join(root, folder));
  const text = ['const wrong: number = "text";', 'Promise.resolve(wrong);', ''].join('\n');
  writeFileSync(join(root, 'src/a.ts'), text);
  const found = (await runPrograms(root)).map(({ path, line, rule }) => `${path}:${line} ${rule}`);
  assert.deepEqual(found.sort(), [
    'src/a.ts:1 biome/format',
    'src/a.ts:1 tsc/TS2322',
    'src/a.ts:2 oxlint/typescript(no-floating-promises)',
  ]);
});
