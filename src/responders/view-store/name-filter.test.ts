import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NameFilter } from './name-filter.ts';

const bytesOf = (name: string) => Buffer.from(`>${name}<`);
const mayHave = (filter: NameFilter, name: string) => {
  const bytes = bytesOf(name);
  return filter.mayHave(bytes, 1, bytes.length - 1);
};

test('no name that is looked for is missed, whatever it consists of', () => {
  const filter = new NameFilter();
  const names = [
    '',
    'i',
    'i1',
    'item-1234',
    'éclair-1',
    'été',
    'ü',
    '日本-12',
    '😀',
    'a😀b',
    'x'.repeat(300),
  ];
  for (const name of names) {
    filter.take([name, 'another-99']);
    assert.ok(mayHave(filter, name), name);
  }
  filter.take(names);
  for (const name of names) assert.ok(mayHave(filter, name), name);
});

test('most others are told apart, also after other names', () => {
  const filter = new NameFilter();
  filter.take(['日本']);
  filter.take(Array.from({ length: 200 }, (_, i) => `item-${i}`));
  const others = Array.from({ length: 1000 }, (_, i) => `item-${5000 + i}`);
  assert.ok(others.filter((name) => mayHave(filter, name)).length < 200);
});
