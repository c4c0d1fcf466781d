/** What each network that ranks must pass, whatever it reads. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { VersionContents } from '../../artifact/port.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../checkpoint.ts';
import type { RankingModel } from '../../model.ts';
import type { ModelConfig } from '../../parameters.ts';
import { seededRandom } from '../../random.ts';
import type { RankingDataset } from '../../ranking/dataset.ts';
import { rowScores } from '../../ranking/row-scores.ts';
import { datasetOf, itemId, rowsOf } from '../../ranking/testing/shown-lists.ts';
import { type TrainingControl, train } from '../../training.ts';
import { rankingRowsAt } from '../chosen-rows.ts';
import { listMetrics } from '../list-metrics.ts';

export type NetworkCase = {
  readonly model: RankingModel;
  /** Makes a quick training of several epochs. */
  readonly config: ModelConfig;
  /** Lists of which the first half teaches what is to be seen in the others, and no column but those that decide it does. */
  readonly dataset: RankingDataset;
  /** Mean NDCG@10 that the held-out lists come to at least. */
  readonly leastNdcg: number;
};

export async function filesOf(
  { model, config, dataset }: NetworkCase,
  { seed = 1, ...control }: TrainingControl & { readonly seed?: number } = {},
): Promise<VersionContents> {
  const training = await model.open(dataset, config, seed);
  try {
    await train(training, control);
    return (await training.result()).files;
  } finally {
    await training.close();
  }
}

export async function scoresOf(
  { model }: Pick<NetworkCase, 'model'>,
  files: VersionContents,
  rows: RankingDataset['heldOut'],
): Promise<Float64Array> {
  const ranker = await model.ranker(files);
  const scores = await rowScores(ranker, rows);
  await ranker.close();
  return scores ?? assert.fail('it reads these columns');
}

const mean = (values: ArrayLike<number>) =>
  Array.from(values).reduce((sum, each) => sum + each, 0) / values.length;

const ITEMS = 4;

/** Even items are clicked on twice as often as odd ones are taken, of which more comes. */
function lessTakenButMore(grade: number, revenue: number): Pick<NetworkCase, 'dataset'> {
  const random = seededRandom(5);
  const lists = Array.from({ length: 400 }, (_, user) => {
    const rows = Array.from({ length: ITEMS }, (_, item) => {
      const isOdd = item % 2;
      const isTaken = random.uniform() < (isOdd === 1 ? 0.25 : 0.5);
      const taken = isOdd === 1 ? { grade, revenue } : { grade: 1 };
      return { values: [isOdd], item, ...(isTaken ? taken : { grade: 0 }) };
    });
    return { user: user % 20, rows };
  });
  return { dataset: datasetOf(rowsOf([{ name: 'odd' }], lists, ITEMS)) };
}

/** By how much odd items score above even ones. */
async function preferenceOf(model: RankingModel, files: VersionContents): Promise<number> {
  const ranker = await model.ranker(files);
  const asking = { user: 'nobody', recentItems: [], profile: null, context: null };
  const items = Array.from({ length: ITEMS }, (_, item) => itemId(item));
  const odd = Float64Array.from(items, (_, item) => item % 2);
  const scores = await ranker.score({ asking, items, columns: ranker.inputs.map(() => odd) });
  await ranker.close();
  return scores.reduce((sum, score, item) => sum + score * (item % 2 === 1 ? 1 : -1), 0);
}

export function networkContract(what: NetworkCase): void {
  const { model, config, dataset, leastNdcg } = what;
  suite(`${model.name} as a ranker`, () => {
    test('orders lists that it has not seen, and its scores are chances', async () => {
      const files = await filesOf(what);
      const { heldOut } = dataset;
      const scores = await scoresOf(what, files, heldOut);
      const ndcg = listMetrics(heldOut, scores)['ndcg@10'] ?? 0;
      assert.ok(ndcg > leastNdcg, `ndcg@10 is ${ndcg}`);
      assert.ok(scores.every((score) => score >= 0 && score <= 1));
      const observed = mean(heldOut.grades.map((grade) => Number(grade > 0)));
      assert.ok(Math.abs(mean(scores) - observed) < 0.06, `${mean(scores)}, observed ${observed}`);
      const plain = await filesOf({ ...what, config: { ...config, calibration: 'none' } });
      const ranker = await model.ranker(plain);
      assert.equal(ranker.givesChances, false);
      await ranker.close();
    });

    test('equal seeds give equal bytes, and equal scores when they are opened again; others give others', async () => {
      const [first, second, other] = [
        await filesOf(what),
        await filesOf(what),
        await filesOf(what, { seed: 2 }),
      ];
      assert.deepEqual(first, second);
      const scores = await scoresOf(what, first, dataset.heldOut);
      assert.deepEqual(await scoresOf(what, second, dataset.heldOut), scores);
      assert.notDeepEqual(await scoresOf(what, other, dataset.heldOut), scores);
    });

    test('a training that was cut off comes to the same bytes', async () => {
      const saved: Uint8Array[] = [];
      const training = await model.open(dataset, config, 1);
      const everySteps = Math.ceil(training.stepsPerEpoch / 3) + 1;
      const save: NonNullable<TrainingControl['checkpoints']>['save'] = (checkpoint) =>
        void saved.push(encodeCheckpoint(checkpoint));
      await training.close();
      const expected = await filesOf(what, { checkpoints: { everySteps, save } });
      assert.ok(saved.length > 2);
      for (const bytes of [saved[1], saved.at(-2)]) {
        const resumeFrom = decodeCheckpoint(bytes as Uint8Array);
        assert.deepEqual(await filesOf(what, { resumeFrom }), expected);
      }
      const alone = await model.open(dataset, { ...config, calibration: 'none' }, 1);
      const { arrays } = decodeCheckpoint(saved[0] as Uint8Array);
      assert.throws(() => alone.restore({ arrays, values: null }), { code: 'MR_MODEL_CHECKPOINT' });
      await alone.close();
    });

    test('it stops early by how validation lists are ranked, and goes back to the best epoch', async () => {
      const validated = { ...dataset, validation: dataset.heldOut };
      const training = await model.open(validated, config, 1);
      const { epochs, chosenEpoch, stoppedEarly } = await train(training, {
        earlyStopping: { metric: 'ndcg@10', patience: 1 },
      });
      const values = epochs.map(({ metrics }) => metrics?.['ndcg@10'] as number);
      assert.equal(values[chosenEpoch - 1], Math.max(...values));
      assert.equal(stoppedEarly, epochs.length < training.epochs);
      const { files } = await training.result();
      await training.close();
      const served = listMetrics(dataset.heldOut, await scoresOf(what, files, dataset.heldOut));
      // Chances that come out equal by rounding are tied.
      assert.ok(Math.abs((served['ndcg@10'] as number) - Math.max(...values)) < 1e-3);
      const unjudged = await model.open(dataset, config, 1);
      const earlyStopping = { metric: 'ndcg@10', patience: 1 };
      await assert.rejects(train(unjudged, { earlyStopping }), { code: 'MR_MODEL_DATA' });
      await unjudged.close();
    });

    test('files that were cut, flipped, taken away or exchanged are refused', async () => {
      const files = await filesOf(what);
      const refused = (contents: VersionContents, name: string) =>
        assert.rejects(model.ranker(contents), { code: 'MR_MODEL_UNREADABLE' }, name);
      for (const [name, bytes] of Object.entries(files)) {
        await refused({ ...files, [name]: bytes.subarray(0, bytes.length - 2) }, `${name}, cut`);
        await refused({ ...files, [name]: new Uint8Array() }, `${name}, empty`);
        for (const share of [0.1, 0.5, 0.9]) {
          const flipped = Uint8Array.from(bytes);
          const at = Math.floor(share * bytes.length);
          flipped[at] = (flipped[at] as number) ^ 1;
          await refused({ ...files, [name]: flipped }, `${name}, flipped at ${at}`);
        }
        await refused(Object.fromEntries(Object.entries(files).filter(([each]) => each !== name)), name);
      }
      await refused({}, 'nothing');
    });

    test('an item has one score, alone and among others, and no items have none', async () => {
      const ranker = await model.ranker(await filesOf(what));
      const { heldOut } = dataset;
      const together = (await rowScores(ranker, heldOut)) as Float64Array;
      for (const row of [0, 7, heldOut.rows - 1]) {
        const own = rankingRowsAt(heldOut, Int32Array.of(row));
        const [alone] = (await rowScores(ranker, own)) as Float64Array;
        assert.ok(Math.abs((alone as number) - (together[row] as number)) < 1e-5, `row ${row}`);
      }
      const asking = { user: 'u0', recentItems: [], profile: null, context: null };
      const columns = ranker.inputs.map(({ type }) => (type === 'string' ? [] : new Float64Array()));
      assert.deepEqual(await ranker.score({ asking, items: [], columns }), new Float64Array());
      await ranker.close();
    });

    test('what was completed, liked or bought weighs as it is told', async () => {
      for (const [weight, grade, revenue] of [
        ['completedWeight', 2, 0],
        ['likedWeight', 3, 0],
        ['boughtWeight', 3, 9],
      ] as const) {
        const dearer = lessTakenButMore(grade, revenue);
        const plain = await filesOf({ ...what, ...dearer, config: { ...config, calibration: 'none' } });
        assert.ok((await preferenceOf(model, plain)) < 0, `${weight} 1`);
        const settings = { ...config, calibration: 'none', [weight]: 5 };
        const weighed = await filesOf({ ...what, ...dearer, config: settings });
        assert.ok((await preferenceOf(model, weighed)) > 0, `${weight} 5`);
      }
    });

    test('lists of which everything or nothing was taken teach nothing; one list has no folds', async () => {
      const { train: rows } = dataset;
      for (const grade of [0, 1]) {
        const alike = { ...rows, grades: new Float32Array(rows.rows).fill(grade) };
        const refused = model.open({ ...dataset, train: alike }, config, 1);
        if (grade === 0) await assert.rejects(refused, { code: 'MR_MODEL_DATA' });
        else if (model.name !== 'neumf') await assert.rejects(refused, { code: 'MR_MODEL_DATA' });
        else await (await refused).close();
      }
      const list = rankingRowsAt(
        rows,
        Int32Array.from({ length: rows.lists[1] as number }, (_, row) => row),
      );
      const one = { ...list, grades: list.grades.map((_, row) => Number(row === 0)) };
      const few = { ...what, dataset: { ...dataset, train: one }, config: { ...config, epochs: 1 } };
      const ranker = await model.ranker(await filesOf(few));
      assert.equal(ranker.givesChances, false);
      await ranker.close();
    });
  });
}
