import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { KEPT_SEEDS, TOPOLOGIES } from '#engine/testing';
import { MUTANTS } from './mutants.ts';

const root = join(import.meta.dirname, '../..');

it('every mutant fits the code in one place', () => {
  const loose = MUTANTS.filter(
    ({ file, find }) => readFileSync(join(root, file), 'utf8').split(find).length !== 2,
  );
  assert.deepEqual(
    loose.map(({ name }) => name),
    [],
  );
});

it('no two mutants have one name, and each changes something', () => {
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
  for (const { find, replace } of MUTANTS) assert.notEqual(find, replace);
});

it('each kept seed names a topology and a mutant', () => {
  for (const { topology, mutant } of KEPT_SEEDS) {
    assert.ok(
      TOPOLOGIES.some(({ name }) => name === topology),
      topology,
    );
    assert.ok(
      MUTANTS.some(({ name }) => name === mutant),
      mutant,
    );
  }
});
