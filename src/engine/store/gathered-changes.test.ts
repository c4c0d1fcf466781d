import assert from 'node:assert/strict';
import { it } from 'node:test';
import { GatheredChanges } from './gathered-changes.ts';

const [a, b] = [Buffer.from('a'), Buffer.from('b')];

it('a value takes the room of the one before only where it fits, to the byte', () => {
  for (const value of ['', '1', '12', '123', '1234']) {
    const gathered = new GatheredChanges();
    gathered.add({ key: a, value: Buffer.from('xy') });
    gathered.add({ key: b, value: Buffer.from('z') });
    const before = gathered.byteLength;
    gathered.add({ key: a, value: Buffer.from(value) });
    assert.equal(gathered.get(a)?.toString(), value);
    assert.equal(gathered.get(b)?.toString(), 'z', `after ${JSON.stringify(value)}`);
    assert.equal(gathered.byteLength - before, value.length <= 2 ? 0 : 4 + value.length);
    assert.deepEqual(gathered.changes(), [
      { key: a, value: Buffer.from(value) },
      { key: b, value: Buffer.from('z') },
    ]);
  }
});

it('a value may come after a deletion, which has room for none', () => {
  const gathered = new GatheredChanges();
  gathered.add({ key: a, value: null });
  gathered.add({ key: b, value: Buffer.from('z') });
  gathered.add({ key: a, value: Buffer.from('') });
  assert.deepEqual([gathered.get(a), gathered.get(b)?.toString()], [Buffer.alloc(0), 'z']);
  gathered.add({ key: a, value: null });
  assert.equal(gathered.get(a), null);
});
