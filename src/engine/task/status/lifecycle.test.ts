import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Lifecycle, TASK_PHASES, type TaskPhase } from './lifecycle.ts';

function after(...phases: readonly TaskPhase[]): Lifecycle {
  const lifecycle = new Lifecycle('input-0');
  for (const phase of phases) lifecycle.enter(phase);
  return lifecycle;
}

const whole: readonly TaskPhase[] = ['restoring', 'running', 'suspended', 'closed'];

it('a task goes through its phases in order, and may be given up before it runs', () => {
  assert.equal(after().phase, 'created');
  assert.equal(after(...whole).phase, 'closed');
  assert.equal(after('suspended', 'closed').phase, 'closed');
  assert.equal(after('restoring', 'suspended', 'closed').phase, 'closed');
});

it('every other step is refused, and leaves the task where it is', () => {
  const follows = new Set([
    'created>suspended',
    'restoring>suspended',
    ...whole.map((next, i) => `${whole[i - 1] ?? 'created'}>${next}`),
  ]);
  for (let passed = 0; passed <= whole.length; passed++) {
    const before = ['created' as const, ...whole][passed] as TaskPhase;
    for (const next of TASK_PHASES) {
      const lifecycle = after(...whole.slice(0, passed));
      if (follows.has(`${before}>${next}`)) lifecycle.enter(next);
      else {
        assert.throws(() => lifecycle.enter(next), {
          code: 'MR_INVARIANT',
          message: new RegExp(`${next} when it is ${before}`),
        });
        assert.equal(lifecycle.phase, before);
      }
    }
  }
});
