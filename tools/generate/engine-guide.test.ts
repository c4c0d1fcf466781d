import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { examplesIn, unshown, withExamples } from './engine-guide.ts';

const root = join(import.meta.dirname, '../..');
const guide = join(root, 'src/engine/testing/guide');

it('an example stands in a document as it stands in its test', () => {
  const examples = examplesIn([
    'it(() => {\n  // example: a\n  one();\n    two();\n  // end\n});',
    '// end\n',
  ]);
  assert.deepEqual([...examples], [['a', 'one();\n  two();\n']]);
  const filled = 'x\n<!-- example: a -->\n```ts\none();\n  two();\n```\ny\n';
  assert.equal(withExamples('x\n<!-- example: a -->\ny\n', examples), filled);
  assert.equal(withExamples(filled.replace('two', 'three'), examples), filled);
});

it('an example that is nowhere, or in two tests, is an error; one that is not shown is found', () => {
  const examples = examplesIn(['// example: a\nx\n// end', '// example: b\ny\n// end']);
  assert.throws(() => withExamples('<!-- example: c -->\n', examples), /no example c/);
  assert.throws(() => examplesIn(['// example: a\nx\n// end', '// example: a\nx\n// end']), /two examples/);
  assert.deepEqual(unshown('<!-- example: a -->\n', examples), ['b']);
});

it('the guide shows every example', () => {
  const tests = readdirSync(guide).map((name) => readFileSync(join(guide, name), 'utf8'));
  const document = readFileSync(join(root, 'docs/ENGINE.md'), 'utf8');
  assert.deepEqual(unshown(document, examplesIn(tests)), []);
});
