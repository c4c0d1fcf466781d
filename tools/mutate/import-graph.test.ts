import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ImportGraph } from './import-graph.ts';

const texts: Record<string, string> = {
  'src/a/index.ts': "export { x } from './x.ts';",
  'src/a/x.ts': 'export const x = 1;',
  'src/a/x.test.ts': "import { x } from './x.ts';",
  'src/a/z.test.ts': "import './index.ts';",
  'src/a/far/y.test.ts': "import { x } from '../x.ts';",
  'src/b/thread.ts': "import { x } from '#a';",
  'src/b/b.test.ts': "new Worker(new URL('./thread.ts', import.meta.url));",
  'src/b/other.test.ts': "import './other.ts';",
};
const graphOf = (files: Record<string, string>) =>
  new ImportGraph(
    Object.entries(files).map(([path, text]) => ({ path, text })),
    { '#a': './src/a/index.ts' },
  );

it('tests that load a file, through doors and threads, are found, the nearest first', () => {
  assert.deepEqual(graphOf(texts).testsOf('src/a/x.ts'), [
    'src/a/x.test.ts',
    'src/a/z.test.ts',
    'src/a/far/y.test.ts',
    'src/b/b.test.ts',
  ]);
});

it('a hash changes with what a test loads, and with nothing else', () => {
  const hash = (files: Record<string, string>) => graphOf(files).contentHash('src/b/b.test.ts');
  assert.notEqual(hash({ ...texts, 'src/a/x.ts': 'export const x = 2;' }), hash(texts));
  assert.equal(hash({ ...texts, 'src/a/x.test.ts': '' }), hash(texts));
});
