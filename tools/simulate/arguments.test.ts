import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readArguments, usage } from './arguments.ts';

const read = (...args: string[]) => readArguments(args, ['ledger', 'windows']);

it('options have their defaults', () => {
  assert.deepEqual(read(), {
    seconds: 60,
    seed: 1,
    runs: undefined,
    topology: undefined,
    trace: false,
    mutants: false,
    only: undefined,
    help: false,
  });
  const { topology, seed, runs, trace } = read('--topology', 'windows', '--seed', '7', '--runs=1', '--trace');
  assert.deepEqual({ topology, seed, runs, trace }, { topology: 'windows', seed: 7, runs: 1, trace: true });
});

it('a wrong option is named', () => {
  assert.throws(() => read('--sed', '1'), /--sed/);
  assert.throws(() => read('--seed'), /--seed/);
  assert.throws(() => read('--seed', '1.5'), /--seed takes a whole number/);
  assert.throws(() => read('--seconds', 'long'), /--seconds takes a number above 0, not "long"/);
  assert.throws(() => read('--runs', '0'), /--runs/);
  assert.throws(() => read('--topology', 'none'), /no topology none/);
  assert.throws(() => read('--only', 'x'), /--only goes with --mutants/);
  assert.throws(() => read('--mutants', '--only', 'no such'), /no mutant has "no such" in its name/);
  assert.throws(() => read('fast'), /fast/);
});

it('the usage names each option and topology', () => {
  const text = usage(['ledger', 'windows']);
  for (const option of ['seconds', 'seed', 'runs', 'topology', 'trace', 'mutants', 'only', 'help'])
    assert.match(text, new RegExp(`--${option}\\b`));
  assert.match(text, /ledger, windows/);
});
