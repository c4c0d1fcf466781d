import assert from 'node:assert/strict';
import { it } from 'node:test';
import { InvariantError } from '#platform';
import { testSeed } from '#platform/testing';
import { campaign, commandFor, type Summary } from './campaign.ts';
import { FAILPOINTS, FAULTS } from './faults.ts';
import { difference } from './outcome.ts';
import { simulate } from './simulate.ts';
import { TOPOLOGIES } from './topologies.ts';
import type { AnyTopic, TopologyUnderTest } from './topology-under-test.ts';

/** The same runs each time, and more until every fault and every failpoint is met: which run meets one, changes with the code. */
const RUNS = 60;
const MOST_RUNS = 240;
/** Processor time for the seeds that `testSeed` selects. */
const MORE_SECONDS = 8;

function assertNoFailure({ failures }: Summary): void {
  const [run] = failures;
  if (run === undefined) return;
  assert.fail(`${run.topology} seed ${run.seed}: ${run.failure?.text}\nrepeat with: ${commandFor(run)}`);
}

it('topologies under faults leave what undisturbed ones leave', async () => {
  const summary = await campaign({
    seed: 1,
    withKept: true,
    isOver: ({ runs, killedAt, faults, failures }) => {
      const isAllMet = killedAt.size === FAILPOINTS.length && faults.size === FAULTS.length;
      return failures.length > 0 || runs >= (isAllMet ? RUNS : MOST_RUNS);
    },
  });
  assertNoFailure(summary);
  const met = (names: Iterable<string>) => [...names].sort();
  assert.deepEqual(met(summary.killedAt.keys()), met(FAILPOINTS), 'a process was killed at every failpoint');
  assert.deepEqual(
    met(summary.faults.keys()),
    met(FAULTS.map(({ kind }) => kind)),
    'every kind of fault was met',
  );
  assert.ok(summary.lockWaits > 0, 'a process waited for a store that another had locked');
});

it('seeds other than the first find nothing either', async () => {
  const summary = await campaign({
    // A campaign runs consecutive seeds; neighbouring test seeds share none.
    seed: 1_000 * testSeed,
    withKept: false,
    // Processor time, so that a busy machine covers as many seeds as an idle one.
    isOver: ({ processorMs, failures }) => processorMs > MORE_SECONDS * 1_000 || failures.length > 0,
  });
  assertNoFailure(summary);
  assert.ok(summary.runs > 0);
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
  assert.match(
    (await simulate(otherwise, 1)).failure?.text ?? '',
    /lines by the model, .* undisturbed; from line/,
  );
});

it('a handler that fails for good ends a run as a death, not as a difference', async () => {
  const [topology] = TOPOLOGIES as readonly [TopologyUnderTest];
  const dying: TopologyUnderTest = {
    ...topology,
    outputs: [],
    declare: (builder) => {
      const [input] = topology.inputs as readonly [AnyTopic];
      builder.source(input).map(() => {
        throw new InvariantError('a bug');
      });
    },
  };
  const { failure } = await simulate(dying, 1);
  assert.equal(failure?.kind, 'died');
  assert.match(failure?.text ?? '', /a process died of what no fault explains:\n.*a bug/);
});

it('outcomes differ by what is missing, changed or too much', () => {
  const of = (...lines: string[]) => ['run', new Map([['topic t', lines]])] as const;
  assert.equal(difference(of('a', 'b'), of('a', 'b')), undefined);
  assert.match(difference(of('a'), of('a', 'b')) ?? '', /from line 2 on/);
  assert.match(difference(of('a', 'c'), of('a', 'b')) ?? '', /from line 2 on/);
  assert.match(difference(of('a', 'b', 'c'), of('a', 'b')) ?? '', /from line 3 on/);
  assert.match(difference(['run', new Map()], of('a')) ?? '', /has none of it/);
});
