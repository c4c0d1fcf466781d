import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readArguments, usage } from './arguments.ts';
import { ROOMS } from './rooms.ts';

const read = (...args: string[]) => readArguments(args, 99);

it('rooms, their sample and the drawn seed', () => {
  const { jobs, ...rest } = read('engine/task', 'src/features/');
  assert.deepEqual(rest, {
    rooms: ['engine/task', 'features'],
    sample: undefined,
    seed: 99,
    seconds: 60,
    json: false,
    help: false,
  });
  assert.ok(jobs >= 1);
  assert.deepEqual(read().rooms, []);
  const { rooms, sample } = read('all');
  assert.deepEqual({ rooms, sample }, { rooms: ROOMS, sample: 200 });
  assert.deepEqual(read('all', '--sample', '5', '--seed', '7').sample, 5);
});

it('a wrong option is named', () => {
  assert.throws(() => read('gateway', '--sample', '0'), /--sample takes a whole number above 0, not "0"/);
  assert.throws(() => read('gateway', '--seed', '1.5'), /--seed takes/);
  assert.throws(() => read('gateway', '--samples', '3'), /--samples/);
});

it('the usage names each option and room', () => {
  for (const option of ['sample', 'seed', 'seconds', 'jobs', 'json', 'help'])
    assert.ok(usage.includes(`--${option}`));
  for (const room of ROOMS) assert.ok(usage.includes(room));
});
