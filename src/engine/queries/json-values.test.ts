import assert from 'node:assert/strict';
import { it } from 'node:test';
import { jsonValue } from './json-values.ts';

it('what JSON lacks is text in it, at any depth', () => {
  const value = {
    big: 2n ** 70n,
    bytes: Buffer.from([1, 2, 255]),
    array: new Uint8Array([0]),
    nan: Number.NaN,
    map: new Map([[1n, new Set([2n])]]),
    at: new Date(0),
    list: [{ deep: -1n }, null, 'text', true],
  };
  assert.deepEqual(JSON.parse(JSON.stringify(jsonValue(value))), {
    big: '1180591620717411303424',
    bytes: 'AQL/',
    array: 'AA==',
    nan: 'NaN',
    map: [['1', ['2']]],
    at: '1970-01-01T00:00:00.000Z',
    list: [{ deep: '-1' }, null, 'text', true],
  });
});
