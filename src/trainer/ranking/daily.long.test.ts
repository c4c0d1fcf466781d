import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownerHasLooked } from '#jobs/testing';
import { example, writeExamples } from '#offline/testing';
import { eventually } from '#platform/testing';
import { readRuns } from '../runs/ledger.ts';
import { isOver } from '../runs/run.ts';
import { clock, trainerOf, whileRunning, whileScheduling } from '../testing/running.ts';
import { defaultTraining } from '../trainer-options.ts';
import { at, ROUND, shopOf, visits } from './testing/impressions.ts';

const DAY_MS = 24 * 3_600_000;
const MODELS = ['item-knn', 'trees', 'stacked', 'neumf', 'dlrm'];

test('the schedule trains rankers along with what finds items, every day, as the configuration says', async (t) => {
  const { opened } = await shopOf(t, visits());
  let now = Date.UTC(2026, 0, 1, 2, 59);
  const [models, rankers] = [MODELS.slice(0, 1), MODELS.slice(1)];
  const training = { ...defaultTraining, models, rankers, schedule: '0 3 * * *' };
  const moved = { ...clock, now: () => now };
  const trainer = trainerOf(opened, {
    clock: moved,
    config: {},
    configOf: {
      trees: { trees: 2, likedWeight: 2 },
      stacked: { trees: 2 },
      neumf: { epochs: 1, embeddingOptimiser: 'row-wise-adagrad' },
      dlrm: { epochs: 1, embeddingOptimiser: 'adam' },
    },
    training,
  });
  const overAfter = (count: number) =>
    eventually(async () => {
      const runs = await readRuns(opened);
      return runs.length === count && runs.every(isOver) ? runs : undefined;
    });
  const work = async () => {
    await ownerHasLooked(opened);
    now += 60_000;
    const first = await overAfter(MODELS.length);
    assert.deepEqual(
      first.map(({ model, trigger, status }) => [model, trigger, status]),
      MODELS.map((model) => [model, 'schedule', 'succeeded']),
    );
    assert.deepEqual(
      first.map(({ config }) => JSON.parse(config)),
      [
        {},
        { likedWeight: 2, trees: 2 },
        { trees: 2 },
        { embeddingOptimiser: 'row-wise-adagrad', epochs: 1 },
        { embeddingOptimiser: 'adam', epochs: 1 },
      ],
    );
    assert.equal(new Set(first.map(({ snapshot_id }) => snapshot_id)).size, 1);
    await writeExamples(opened, [example('u1', 'i29', at(50 * ROUND))]);
    now += DAY_MS;
    const both = await overAfter(2 * MODELS.length);
    assert.ok(both.every(({ status }) => status === 'succeeded'));
    const [[yesterday], [today]] = [both, both.slice(MODELS.length)];
    assert.notEqual(today?.snapshot_id, yesterday?.snapshot_id);
  };
  await whileRunning(trainer, () => whileScheduling(opened, { clock: moved, training }, work));
});
