import assert from 'node:assert/strict';
import { it } from 'node:test';
import { giveMemory, takeMemory } from './memory.ts';

it('is taken again when it has been given back, by whoever has room enough in it', () => {
  const memory = takeMemory(200_000);
  assert.equal(memory.byteLength, 2 ** 18);
  giveMemory(memory);
  assert.notEqual(takeMemory(2 ** 17), memory, 'not for half of it');
  assert.equal(takeMemory(2 ** 17 + 1), memory);
  assert.notEqual(takeMemory(2 ** 18), memory, 'once');
});

it('of a small one is as large as requested, and nobody takes it again', () => {
  const memory = takeMemory(100);
  assert.equal(memory.byteLength, 100);
  giveMemory(memory);
  assert.notEqual(takeMemory(100), memory);
});

it('goes back to the system where 64 MiB lie unused', () => {
  const memories = Array.from({ length: 9 }, () => takeMemory(8 * 2 ** 20));
  for (const memory of memories) giveMemory(memory);
  assert.deepEqual(
    memories.map(({ detached }) => detached),
    memories.map((_, i) => i === 8),
  );
});
