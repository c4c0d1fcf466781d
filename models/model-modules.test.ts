import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import { modelNames, modelOf } from './catalogue.ts';
import { loadModelModules, modelModules } from './model-modules.ts';
import { modelOptions, modelSettings } from './options.ts';

const DECLARED = `{
  name: 'mine', role: 'retrieval', about: 'nothing', needs: () => ({ historyLength: 1 }), open: async () => {},
  parameters: { depth: { default: 2, range: 'a whole number above 0', about: 'How deep.' } },
  serving: { kind: 'item-weights', answersSimilar: false },
}`;

const refused: readonly (readonly [text: string, message: RegExp])[] = [
  ['export const mine = MODEL;', /no model by its default export: there is no object/],
  ['export default () => (MODEL);', /there is no object/],
  [`export default { ...MODEL, name: 'Two Words' };`, /its name is not lower-case/],
  [`export default { ...MODEL, role: 'search' };`, /its role is neither retrieval, similar nor ranking/],
  [`export default { ...MODEL, role: 'similar' };`, /its serving answers no similar items/],
  [`export default { ...MODEL, role: 'ranking' };`, /bases is no list of models/],
  [`export default { ...MODEL, role: 'ranking', bases: [] };`, /ranker is no function/],
  [`export default { ...MODEL, role: 'ranking', bases: [], ranker() {} };`, /retrievalScores is no function/],
  ['export default { ...MODEL, about: undefined };', /about is not text/],
  ['export default { ...MODEL, open: undefined };', /open is no function/],
  ['export default { ...MODEL, needs: undefined };', /needs is no function/],
  ['export default { ...MODEL, parameters: undefined };', /it declares no parameters/],
  [
    'export default { ...MODEL, parameters: { depth: 3 } };',
    /parameter depth has neither choices nor a range/,
  ],
  [
    'export default { ...MODEL, parameters: { depth: { choices: [3] } } };',
    /parameter depth has neither choices/,
  ],
  [
    `export default { ...MODEL, parameters: { depth: { range: 'toString' } } };`,
    /parameter depth has neither choices nor a range/,
  ],
  ['export default { ...MODEL, serving: {} };', /its serving is neither/],
  [`export default { ...MODEL, serving: { kind: 'vectors' } };`, /its serving is neither/],
  [`export default { ...MODEL, name: 'ease' };`, /declares ease, which is the name of another model/],
  [`throw new Error('no such thing');`, /cannot be loaded: no such thing\.$/],
];

test('a module’s model is in the catalogue with its options, once; what is no model is refused', async (t) => {
  const directory = temporaryDirectory(t);
  const write = (name: string, text: string) => {
    const path = join(directory, name);
    writeFileSync(path, text.replace('MODEL', DECLARED));
    return path;
  };
  const before = modelNames();
  for (const [i, [text, message]] of refused.entries()) {
    const path = write(`${i}.ts`, text);
    await assert.rejects(loadModelModules([path]), { code: 'MR_MODEL_MODULE', message }, text);
  }
  const missing = { code: 'MR_MODEL_MODULE', message: /no-such-file.ts does not exist/ };
  await assert.rejects(loadModelModules([join(directory, 'no-such-file.ts')]), missing);
  assert.deepEqual([modelNames(), modelModules()], [before, []]);

  const path = write('mine.ts', 'export default MODEL;');
  await loadModelModules([path]);
  await loadModelModules([path]);
  assert.deepEqual([modelNames(), modelModules()], [[...before, 'mine'], [path]]);
  assert.equal(modelOf('mine')?.about, 'nothing');
  const [choice, ...parameters] = modelOptions();
  assert.ok(choice?.accepts(['mine', 'ease']));
  assert.ok(parameters.some((each) => each.path === 'models.mine.depth' && each.accepts(3)));
  assert.deepEqual(modelSettings({ 'models.mine.depth': 3 }).configOf.mine, { depth: 3 });
  const again = { code: 'MR_MODEL_MODULE', message: /declares mine, which is the name of another model/ };
  await assert.rejects(loadModelModules([write('again.ts', 'export default MODEL;')]), again);
});
