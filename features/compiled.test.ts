import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sum } from './aggregations/sums.ts';
import { compileParts, compileRecord } from './compiled.ts';

const NAMES = ['7d', '0', 'two words', 'a"b\\c', 'constructor', 'state'];
const part = sum((amount: number) => amount);

describe('compiled code', () => {
  it('takes any names', () => {
    const parts = compileParts<Record<string, number>, number, Record<string, number>>(
      NAMES,
      NAMES.map(() => part as never),
    );
    const state = parts.empty();
    parts.add(state, 3);
    const both = parts.merge(state, state);
    assert.deepEqual(
      [state, parts.finish(both, 0)],
      [3, 6].map((value) => Object.fromEntries(NAMES.map((name) => [name, value]))),
    );
    assert.deepEqual(compileRecord(NAMES)(NAMES), Object.fromEntries(NAMES.map((name) => [name, name])));
  });

  it('refuses the one that is none', () => {
    assert.throws(() => compileRecord(['__proto__']), { code: 'MR_INVARIANT' });
  });
});
