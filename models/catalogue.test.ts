import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelNamed, modelNames, models, namesOf } from './catalogue.ts';
import { modelOptions, modelSettings } from './options.ts';
import { checkConfig, defaultsOf, isAccepted, type Parameters, searchSpaceOf } from './parameters.ts';
import { stackedModel } from './stacked/model.ts';
import { treesModel } from './trees/model.ts';

test('what models declare holds: names differ, defaults and the space of a search are in range', () => {
  assert.equal(new Set(modelNames()).size, models.length);
  for (const { name, parameters } of models) {
    checkConfig(name, parameters, defaultsOf(parameters));
    const declared: Parameters = parameters;
    const space = Object.entries(searchSpaceOf(parameters));
    assert.ok(space.length > 0, `${name} can be searched`);
    for (const [parameter, dimension] of space) {
      const values = 'from' in dimension ? [dimension.from, dimension.to] : dimension;
      const known = declared[parameter] as Parameters[string];
      for (const value of values) assert.ok(isAccepted(known, value), `${name}.${parameter}: ${value}`);
    }
  }
});

test('values out of range and names that are not declared are refused', () => {
  const refused = { code: 'MR_MODEL_CONFIG' };
  for (const { name, parameters } of models) {
    assert.throws(() => checkConfig(name, parameters, { nonsense: 1 }), refused);
    for (const parameter of Object.keys(parameters)) {
      for (const value of [-1, Number.NaN, [], ''] as const) {
        assert.throws(() => checkConfig(name, parameters, { [parameter]: value }), refused);
      }
    }
  }
  assert.throws(() => modelNamed('none'), refused);
});

test('the greatest value of a parameter is accepted, and the next one refused; whole numbers have one where they cost', () => {
  const unbounded: string[] = [];
  for (const { name, parameters } of models) {
    for (const [parameter, declared] of Object.entries(parameters as Parameters)) {
      if (!('range' in declared) || declared.range === 'a path' || declared.range === '1 or -1 by column')
        continue;
      const check = (value: number) => checkConfig(name, parameters, { [parameter]: value });
      const refused = { code: 'MR_MODEL_CONFIG', message: new RegExp(`${name}: ${parameter} is`) };
      const { range, most } = declared;
      const isWhole = range.startsWith('a whole number');
      if (most === undefined) {
        if (isWhole) unbounded.push(`${name}.${parameter}`);
      } else {
        check(most);
        assert.throws(() => check(most + (isWhole ? 1 : most * Number.EPSILON)), refused);
      }
      if (range.endsWith('above 0')) {
        check(isWhole ? 1 : Number.MIN_VALUE);
        assert.throws(() => check(0), refused);
      }
      if (range.endsWith('not below 0') || range.startsWith('from 0')) {
        check(0);
        assert.throws(() => check(isWhole ? -1 : -Number.MIN_VALUE), refused);
      }
      if (range === 'from 0 to 1') {
        check(1);
        assert.throws(() => check(1 + Number.EPSILON), refused);
      }
      if (range === 'from 0 to below 1') {
        check(1 - Number.EPSILON / 2);
        assert.throws(() => check(1), refused);
      }
    }
  }
  // What leaves rare rows out takes neither memory nor time.
  assert.deepEqual(unbounded, ['stacked.minRows', 'trees.minRows', 'dlrm.minRows']);
});

test('directions of columns are 1 and -1, and a ranker takes them for its numeric columns alone', () => {
  const refused = { code: 'MR_MODEL_CONFIG', message: /monotone/ };
  for (const { name, parameters, checkColumns } of [treesModel, stackedModel]) {
    checkConfig(name, parameters, { monotone: { price: 1, age: -1 } });
    for (const monotone of [{ price: 2 }, { price: '1' }, ['price'], 'price', null]) {
      assert.throws(() => checkConfig(name, parameters, { monotone }), refused);
    }
    const features = [{ name: 'price' }, { name: 'genre', categories: ['a'] }];
    checkColumns?.({ monotone: { price: 1, position: -1 } }, features);
    for (const column of ['genre', 'cost']) {
      assert.throws(() => checkColumns?.({ monotone: { [column]: 1 } }, features), refused);
    }
  }
  assert.throws(() => treesModel.checkColumns?.({ monotone: { 'score.two-tower': 1 } }, []), refused);
  stackedModel.checkColumns?.({ monotone: { 'score.two-tower': 1 } }, []);
});

test('options of single models come back by model, and only where they were given', () => {
  const { trained, configOf } = modelSettings({ 'training.models': ['ease'], 'models.ials.dim': 16 });
  assert.deepEqual(trained, ['ease']);
  assert.deepEqual(configOf.ials, { dim: 16 });
  assert.deepEqual(configOf.ease, {});
  const [choice, rankers] = modelOptions();
  assert.ok(choice !== undefined && rankers !== undefined);
  assert.ok(choice.accepts(namesOf('retrieval')) && !choice.accepts([]) && !choice.accepts(['none']));
  assert.ok(rankers.accepts(namesOf('ranking')) && rankers.accepts([]));
  assert.ok(
    !choice.accepts(['stacked']) && !rankers.accepts(['two-tower']),
    'each role has models of its own',
  );
  assert.deepEqual(modelSettings({}), modelSettings({ 'training.rankers': ['stacked'] }));
});
