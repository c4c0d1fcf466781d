import assert from 'node:assert/strict';
import { it } from 'node:test';
import { campaign, commandFor } from './campaign.ts';
import { FAILPOINTS, FAULTS } from './faults.ts';
import { difference } from './outcome.ts';
import { simulate } from './simulate.ts';
import { TOPOLOGIES } from './topologies.ts';
import type { TopologyUnderTest } from './topology-under-test.ts';

/** A number of runs, not a time, so that the same are made each time: about a quarter of a minute of one core. */
const RUNS = 80;

it('topologies under faults leave what undisturbed ones leave', async () => {
  const summary = await campaign({
    seed: 1,
    withKept: true,
    isOver: ({ runs, failures }) => runs >= RUNS || failures.length > 0,
  });
  const [failure] = summary.failures;
  if (failure !== undefined) {
    assert.fail(
      `${failure.topology} seed ${failure.seed}: ${failure.failure}\nrepeat with: ${commandFor(failure)}`,
    );
  }
  const met = (names: Iterable<string>) => [...names].sort();
  assert.deepEqual(met(summary.killedAt.keys()), met(FAILPOINTS), 'a process was killed at every failpoint');
  assert.deepEqual(
    met(summary.faults.keys()),
    met(FAULTS.map(({ kind }) => kind)),
    'every kind of fault was met',
  );
});

it('a seed is a run', async () => {
  for (const topology of TOPOLOGIES.slice(0, 2)) {
    const [first, second] = [await simulate(topology, 7), await simulate(topology, 7)];
    assert.equal(first.failure, undefined);
    assert.deepEqual(second.trace, first.trace);
    assert.equal(second.digest, first.digest);
    assert.notEqual((await simulate(topology, 8)).digest, first.digest);
  }
});

it('a model that says otherwise fails a run, with the lines that differ', async () => {
  const [topology] = TOPOLOGIES as readonly [TopologyUnderTest];
  const otherwise: TopologyUnderTest = {
    ...topology,
    model: (input) => {
      const outputs = topology.model?.(input) ?? {};
      const [name = ''] = Object.keys(outputs);
      return { ...outputs, [name]: (outputs[name] ?? []).slice(1) };
    },
  };
  assert.match((await simulate(otherwise, 1)).failure ?? '', /lines by the model, .* undisturbed; from line/);
});

it('outcomes differ by what is missing, changed or too much', () => {
  const of = (...lines: string[]) => ['run', new Map([['topic t', lines]])] as const;
  assert.equal(difference(of('a', 'b'), of('a', 'b')), undefined);
  assert.match(difference(of('a'), of('a', 'b')) ?? '', /from line 2 on/);
  assert.match(difference(of('a', 'c'), of('a', 'b')) ?? '', /from line 2 on/);
  assert.match(difference(of('a', 'b', 'c'), of('a', 'b')) ?? '', /from line 3 on/);
  assert.match(difference(['run', new Map()], of('a')) ?? '', /has none of it/);
});
