import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import type { VersionContents } from '../../artifact/port.ts';
import { type Calibrator, calibrate } from '../../calibration/calibrator.ts';
import { itemKnnModel } from '../../item-knn/model.ts';
import { seededRandom } from '../../random.ts';
import type { RankingRows } from '../../ranking/dataset.ts';
import type { FeatureColumn } from '../../ranking/port.ts';
import { rowScores } from '../../ranking/row-scores.ts';
import {
  datasetOf,
  itemId,
  retrievalOf,
  rowsOf,
  type ShownList,
  userId,
} from '../../ranking/testing/shown-lists.ts';
import { listMetrics } from '../../ranking-networks/list-metrics.ts';
import { openItemScorer } from '../../serving/item-scorer.ts';
import { train } from '../../training.ts';
import { TreeScorer } from '../scorer.ts';
import { readTrees, saveTrees } from '../storage.ts';
import { scoresOfRows } from './base-scores.ts';
import { columnImportance } from './column-importance.ts';
import { baseFile, RANKER_FILE, TREES_FILE } from './files.ts';
import { openTreeRanker } from './ranker.ts';
import { trainRanker } from './training.ts';

const ITEMS = 12;
const KINDS = ['film', 'quiz', 'text'];
const columns = [{ name: 'v.number' }, { name: 'v.kind', categories: KINDS }];

/** Users take to items near those that they had, to films, and to high numbers; now and then a value is missing. */
function shownRows(): RankingRows {
  const random = seededRandom(3);
  const lists = Array.from({ length: 120 }, (_, user): ShownList => {
    const own = random.integer(ITEMS);
    const rows = Array.from({ length: 5 }, () => {
      const [number, kind, item] = [random.normal(), random.integer(3), random.integer(ITEMS)];
      const worth = number + (kind === 0 ? 1 : -1) + (item % 3 === own % 3 ? 1.5 : -1.5);
      const isMissing = random.uniform() < 0.1;
      const values = [isMissing ? Number.NaN : number, random.uniform() < 0.1 ? Number.NaN : kind];
      return { values, item, grade: Number(random.normal() < worth), position: random.integer(5) };
    });
    return { user, rows, history: [own, (own + 3) % ITEMS] };
  });
  return rowsOf(columns, lists, ITEMS);
}

const rows = shownRows();
let files: VersionContents = {};

before(async () => {
  const baskets = Array.from({ length: 60 }, (_, user) => [0, 3, 6, 9].map((item) => item + (user % 3)));
  const retrieval = { before: retrievalOf(baskets.slice(30), ITEMS), whole: retrievalOf(baskets, ITEMS) };
  const config = { trees: 20, leaves: 8, minRows: 5, learningRate: 0.1 };
  const training = await trainRanker(datasetOf(rows, { retrieval }), {
    bases: [itemKnnModel],
    config,
    seed: 1,
  });
  await train(training);
  files = (await training.result()).files;
  await training.close();
});

const open = (contents = files) => openTreeRanker(contents, [itemKnnModel]);
const asking = { user: userId(0), recentItems: [itemId(0)], profile: null, context: null };

async function scoresOf(
  items: readonly string[],
  features: readonly FeatureColumn[],
  who: Partial<typeof asking> = {},
): Promise<number[]> {
  const ranker = await open();
  const scores = await ranker.score({ asking: { ...asking, ...who }, items, columns: features });
  await ranker.close();
  assert.equal(scores.length, items.length);
  assert.ok(scores.every((score) => score >= 0 && score <= 1));
  return [...scores];
}

suite('a ranker of trees', () => {
  test('says what it reads: each feature in an input of its own, and the versions of views', async () => {
    const { inputs, views, close } = await open();
    assert.deepEqual(inputs, [
      { type: 'float64', features: ['v.number'] },
      { type: 'string', features: ['v.kind'] },
    ]);
    assert.deepEqual(views, { 'item-features': 2 });
    await close();
  });

  test('scores rows of training as their trees do, with all shown first', async () => {
    const scores = (await rowScores(await open(), rows)) ?? assert.fail('it reads these columns');
    const scorer = await openItemScorer(itemKnnModel.serving, (name) => {
      return files[baseFile('item-knn', name)] as Uint8Array;
    });
    const ofBase = await scoresOfRows(scorer, rows);
    assert.ok(ofBase.some((score) => score > 0) && ofBase.some((score) => score === 0));
    const values = Float32Array.from({ length: rows.rows * 4 }, (_, at) => {
      const row = at >> 2;
      return [rows.values[2 * row], rows.values[2 * row + 1], ofBase[row], 0][at % 4] as number;
    });
    const expected = new Float64Array(rows.rows);
    new TreeScorer(readTrees(files[TREES_FILE] as Uint8Array)).score(values, rows.rows, expected);
    const { calibrator } = JSON.parse(Buffer.from(files[RANKER_FILE] ?? []).toString()) as {
      calibrator: Calibrator;
    };
    expected.forEach((score, row) => {
      const difference = Math.abs(calibrate(calibrator, score) - (scores[row] as number));
      assert.ok(difference < 1e-6, `row ${row}: ${difference}`);
    });
    assert.ok(new Set(scores).size > 50);
    const lacking = { ...rows, columns: [columns[0] as { name: string }, { name: 'v.other' }] };
    assert.equal(await rowScores(await open(), lacking), undefined);
  });

  test('reads all it is told of: features, and what the user had before', async () => {
    const items = [itemId(3), itemId(3), itemId(3)];
    const [low = 0, high = 0] = await scoresOf(items, [Float64Array.of(-2, 2, 0), ['film', 'film', 'film']]);
    assert.ok(high > low + 0.03, `${high} ${low}`);
    const [film = 0, quiz = 0] = await scoresOf(items, [new Float64Array(3), ['film', 'quiz', 'text']]);
    assert.ok(film > quiz + 0.03, `${film} ${quiz}`);
    const [near = 0, far = 0] = await scoresOf(
      [itemId(3), itemId(4)],
      [new Float64Array(2), ['film', 'film']],
    );
    assert.ok(near > far + 0.03, `${near} ${far}`);
    const [other = 0] = await scoresOf([itemId(3)], [new Float64Array(1), ['film']], {
      recentItems: [itemId(1)],
    });
    assert.ok(near > other + 0.03, `${near} ${other}`);
  });

  test('says what the order of lists loses without each column, most first, as answers would be ordered', async () => {
    const found = await columnImportance(files, rows, [itemKnnModel]);
    const names = found.map(({ name }) => name);
    assert.deepEqual(names.filter((name) => name !== 'position').toSorted(), [
      'score.item-knn',
      'v.kind',
      'v.number',
    ]);
    const gains = found.reduce((sum, { gain }) => sum + gain, 0);
    assert.ok(Math.abs(gains - 1) < 1e-9, `${gains}`);
    const lost = found.map((column) => column.lost);
    assert.deepEqual(
      lost,
      lost.toSorted((a, b) => b - a),
    );
    const ranker = await open();
    const ndcgOf = async (values: Float32Array) => {
      const scores = (await rowScores(ranker, { ...rows, values })) ?? assert.fail('it reads these columns');
      return listMetrics(rows, scores)['ndcg@10'] as number;
    };
    const random = seededRandom(11);
    const order = Int32Array.from({ length: rows.rows }, (_, row) => row);
    for (const [place, { name }] of columns.entries()) {
      let fall = 0;
      for (let repeat = 0; repeat < 10; repeat++) {
        random.shuffle(order);
        const permuted = rows.values.map((value, at) =>
          at % 2 === place ? (rows.values[2 * (order[at >> 1] as number) + place] as number) : value,
        );
        fall += ((await ndcgOf(rows.values)) - (await ndcgOf(permuted))) / 10;
      }
      const told = found[names.indexOf(name)]?.lost as number;
      assert.ok(fall > 0.03 && Math.abs(told - fall) < 0.03, `${name}: ${told}, not ${fall}`);
    }
    await ranker.close();
    // With nothing that could be ordered wrongly, nothing is lost.
    const alike = { ...rows, grades: new Float32Array(rows.rows) };
    const unjudged = await columnImportance(files, alike, [itemKnnModel]);
    assert.ok(unjudged.every((column) => column.lost === 0));
  });

  test('of what it does not know: categories, items, users, features, everything', async () => {
    const unknown = Array.from({ length: 4 }, (_, i) => (i < 2 ? itemId(3) : 'never seen'));
    const [a, b, c, d] = await scoresOf(unknown, [new Float64Array(4), ['never met', null, 'film', '']]);
    assert.equal(a, b, 'a category that training did not meet is none');
    assert.notEqual(c, d);
    const nobody = { user: 'nobody', recentItems: ['gone', 'too'] };
    const [e = 0, f = 0] = await scoresOf(
      [itemId(3), 'never seen'],
      [new Float64Array(2).fill(Number.NaN), [null, null]],
      nobody,
    );
    assert.ok(Number.isFinite(e) && Number.isFinite(f));
    assert.deepEqual(await scoresOf([], [new Float64Array(0), []]), []);
    assert.deepEqual(await scoresOf([], [new Float64Array(0), []], nobody), []);
  });

  test('an item has one score, alone and among 500', async () => {
    const random = seededRandom(4);
    const items = Array.from({ length: 500 }, (_, i) => (i % 5 === 0 ? `new-${i}` : itemId(i % ITEMS)));
    const numbers = Float64Array.from(items, () => (random.uniform() < 0.1 ? Number.NaN : random.normal()));
    const kinds = items.map(() => [...KINDS, null, 'none'][random.integer(5)] as string | null);
    const scores = await scoresOf(items, [numbers, kinds]);
    for (let i = 0; i < 500; i += 37) {
      const alone = await scoresOf(
        [items[i] as string],
        [numbers.subarray(i, i + 1), [kinds[i] as string | null]],
      );
      assert.equal(alone[0], scores[i], `item ${i}`);
    }
  });

  test('damaged files are refused', async () => {
    const described = JSON.parse(Buffer.from(files[RANKER_FILE] ?? []).toString()) as Record<string, unknown>;
    const trees = files[TREES_FILE] as Uint8Array;
    const written = (value: unknown) => ({ ...files, [RANKER_FILE]: Buffer.from(JSON.stringify(value)) });
    const without = (name: string) =>
      Object.fromEntries(Object.entries(files).filter(([each]) => each !== name));
    const ensemble = readTrees(trees);
    const otherColumns = saveTrees({
      ...ensemble,
      columns: [{ name: 'else' }, ...ensemble.columns.slice(1)],
    });
    const unreadable: Record<string, VersionContents> = {
      'no JSON': { ...files, [RANKER_FILE]: Buffer.from('{') },
      'another format': written({ ...described, format: 2 }),
      null: written(null),
      'nothing but a format': written({ format: 1 }),
      'inputs of no features': written({ ...described, inputs: [{ type: 'float64' }] }),
      'fewer inputs': written({ ...described, inputs: (described.inputs as unknown[]).slice(1) }),
      'a damaged calibrator': written({
        ...described,
        calibrator: { kind: 'platt', slope: null, intercept: 0 },
      }),
      'no calibrator': written({ ...described, calibrator: undefined }),
      'other bases': written({ ...described, bases: [] }),
      'no description': without(RANKER_FILE),
      'no trees': without(TREES_FILE),
      'trees of other columns': { ...files, [TREES_FILE]: otherColumns },
      'no base model': without(baseFile('item-knn', 'vocabulary.json')),
    };
    for (const [name, contents] of Object.entries(unreadable)) {
      await assert.rejects(open(contents), { code: 'MR_MODEL_UNREADABLE' }, name);
    }
    for (const bytes of [
      trees.subarray(0, trees.length - 8),
      new Uint8Array(0),
      Buffer.from('no trees at all'),
    ]) {
      await assert.rejects(open({ ...files, [TREES_FILE]: bytes }), { code: 'MR_MODEL_CHECKPOINT' });
    }
    await assert.rejects(openTreeRanker(files, []), { code: 'MR_MODEL_UNREADABLE' }, 'of another model');
  });
});
