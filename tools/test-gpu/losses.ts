/**
 * Whether training on a GPU comes to the losses of training on the CPU: both models, on each provider that this machine
 * has. `npm run test:gpu` skips a provider that does not start, with the runtime's reason; `npm run test:gpu -- cuda` fails if
 * that does not start.
 */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { type Execution, sequential, type Training, twoTower } from '#models';
import { forSequential, forTwoTower } from './data.ts';

const STEPS = 40;
/** GPUs add and multiply in another order, and each step goes on from what the one before has rounded. */
const TOLERANCE = 0.01;
const SEED = 1;
const required = process.argv.slice(2);

const models: Readonly<Record<string, (execution: Execution) => Promise<Training<unknown>>>> = {
  'two-tower': (execution) => twoTower.open(forTwoTower(), { epochs: 10 }, SEED, execution),
  sequential: (execution) => sequential.open(forSequential(), { epochs: 5, batchRows: 8 }, SEED, execution),
};

for (const provider of ['webgpu', 'cuda'] as const) {
  suite(`on ${provider}`, () => {
    for (const [model, open] of Object.entries(models)) {
      test(`${model}: ${STEPS} losses within ${100 * TOLERANCE}% of the CPU's`, async (t) => {
        const onGpu = await open({ provider });
        if (onGpu.fallbackReason !== undefined) {
          await onGpu.close();
          assert.ok(!required.includes(provider), onGpu.fallbackReason);
          t.skip(`not run, the provider does not start here: ${onGpu.fallbackReason}`);
          return;
        }
        await compare(t, onGpu, await open({ provider: 'cpu' }));
      });
    }
  });
}

async function compare(t: TestContext, onGpu: Training<unknown>, onCpu: Training<unknown>): Promise<void> {
  t.after(() => Promise.all([onGpu.close(), onCpu.close()]));
  let largest = 0;
  for (let step = 0; step < STEPS; step++) {
    const [actual, expected] = [(await onGpu.step()).loss, (await onCpu.step()).loss];
    const difference = Math.abs(actual - expected) / expected;
    assert.ok(difference <= TOLERANCE, `step ${step}: ${actual} instead of ${expected}`);
    largest = Math.max(largest, difference);
  }
  t.diagnostic(`largest relative difference ${largest.toExponential(1)}`);
}
