import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { it } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import { codeOf } from './code.ts';

it('the code of a replay is what decides its rows, and nothing else', (t) => {
  const root = temporaryDirectory(t);
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const path of ['schemas', 'features', 'processors', 'topologies', 'src/engine'])
    write(join(path, 'index.ts'), path);
  write('own/view.ts', "import { weight } from './parts/weight.ts';\nimport '#features';");
  write('own/parts/weight.ts', "export * from '../view.ts';");
  const modules = [join(root, 'own/view.ts')];
  const ofLoop = () => codeOf('loop', modules, root);
  const ofView = () => codeOf({ view: 'view-1' }, modules, root);
  const ofModule = () => codeOf({ module: join(root, 'own/view.ts') }, [], root);
  const all = () => [ofLoop(), ofView(), ofModule()];
  const changed = (path: string, text: string) => {
    const before = all();
    write(path, text);
    return all().map((code, i) => code !== before[i]);
  };
  assert.equal(new Set(all()).size, 3);
  assert.deepEqual(changed('processors/counts.ts', 'more'), [true, true, false]);
  assert.deepEqual(changed('src/engine/deep/store.ts', 'more'), [true, true, false]);
  assert.deepEqual(changed('own/parts/weight.ts', 'export const weight = 2;'), [false, true, true]);
  for (const path of [
    'processors/counts.test.ts',
    'processors/testing/world.ts',
    'src/cli/main.ts',
    'own/other.ts',
  ])
    assert.deepEqual(changed(path, 'new'), [false, false, false], path);
});
