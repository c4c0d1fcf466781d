import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { dlrmModel } from '../dlrm/model.ts';
import { itemKnnModel } from '../item-knn/model.ts';
import type { RankingModel } from '../model.ts';
import { neuMfModel } from '../neumf/model.ts';
import type { ModelConfig } from '../parameters.ts';
import { seededRandom } from '../random.ts';
import { train } from '../training.ts';
import type { Column } from '../trees/ensemble.ts';
import { treesModel } from '../trees/model.ts';
import { treeRanker } from '../trees/ranker/model.ts';
import type { RankingDataset, RankingRows } from './dataset.ts';
import type { ItemRanker, RankingQuery } from './port.ts';
import { rowScores } from './row-scores.ts';
import { datasetOf, retrievalOf, rowsOf, type ShownList, type ShownRow } from './testing/shown-lists.ts';

const ITEMS = 12;
const KINDS = ['film', 'quiz'];
const columns: readonly Column[] = [{ name: 'f.number' }, { name: 'f.kind', categories: KINDS }];
const subjects = { 'f.kind': 'catalogue' } as const;
const network = { dim: 4, epochs: 2, batchSize: 16 };

const rankers: readonly {
  readonly model: RankingModel;
  readonly config: ModelConfig;
  readonly readsFeatures: boolean;
}[] = [
  { model: treesModel, config: { trees: 4, minRows: 2 }, readsFeatures: true },
  // As the one of the catalogue, with a base model that is fitted at once.
  { model: treeRanker('stacked', '', [itemKnnModel]), config: { trees: 4, minRows: 2 }, readsFeatures: true },
  { model: neuMfModel, config: { ...network, factors: 4, hidden: 8 }, readsFeatures: false },
  { model: dlrmModel, config: { ...network, minRows: 1 }, readsFeatures: true },
];

/** Lists of `length` items of which about every third was taken, as a rule by their number. */
function listsOf(
  length: number,
  changed: (row: ShownRow, nth: number) => Partial<ShownRow> = () => ({}),
): ShownList[] {
  const random = seededRandom(7);
  let nth = 0;
  return Array.from({ length: Math.ceil(120 / length) }, (_, user) => {
    const rows = Array.from({ length }, () => {
      const number = random.normal();
      const grade = Number(number + random.normal() > 0.7);
      const row = { values: [number, random.integer(2)], grade, item: random.integer(ITEMS) };
      return { ...row, ...changed(row, nth++) };
    });
    return { user: user % 15, rows, history: [user % ITEMS] };
  });
}

const dataOf = (rows: RankingRows): RankingDataset => {
  const retrieval = retrievalOf(
    Array.from({ length: 15 }, (_, user) => [user % ITEMS, (user + 1) % ITEMS]),
    ITEMS,
  );
  return datasetOf(rows, { subjects, retrieval: { before: retrieval, whole: retrieval } });
};

const rowsFrom = (lists: readonly ShownList[]) => rowsOf(columns, lists, ITEMS);

for (const { model, config, readsFeatures } of rankers) {
  const trained = async (rows: RankingRows): Promise<ItemRanker> => {
    const training = await model.open(dataOf(rows), config, 1);
    try {
      await train(training);
      return await model.ranker((await training.result()).files);
    } finally {
      await training.close();
    }
  };
  const refused = (rows: RankingRows, message: RegExp) =>
    assert.rejects(trained(rows), { name: 'InputError', code: 'MR_MODEL_DATA', message });
  /** It can be trained, and scores the rows and what nobody has met by finite numbers. */
  const taken = async (rows: RankingRows) => {
    const ranker = await trained(rows);
    const scores = (await rowScores(ranker, rows)) ?? assert.fail('it reads these columns');
    assert.ok(scores.every(Number.isFinite));
    assert.ok((await unknownScores(ranker)).every(Number.isFinite));
    await ranker.close();
    return scores;
  };

  suite(`bad input: ${model.name}`, () => {
    test('what it has not met has a score: categories, users, items, missing values', async () => {
      const scores = await taken(rowsFrom(listsOf(5)));
      assert.ok(new Set(scores).size > 1);
    });

    test('groups of one are learned from one by one', async () => {
      await taken(rowsFrom(listsOf(1)));
    });

    test('infinite values are refused where they are read', async () => {
      for (const value of [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const rows = rowsFrom(
          listsOf(5, ({ values }, nth) => (nth === 8 ? { values: [value, values[1] as number] } : {})),
        );
        if (readsFeatures) await refused(rows, /Infinity/);
        else await taken(rows);
      }
    });

    test('labels out of range are refused', async () => {
      for (const grade of [-1, 4, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        const rows = rowsFrom(listsOf(5, (_, nth) => (nth === 8 ? { grade } : {})));
        await refused(rows, new RegExp(`the grade of row 8 is ${grade}`));
      }
      for (const revenue of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
        const rows = rowsFrom(listsOf(5, (_, nth) => (nth === 8 ? { grade: 3, revenue } : {})));
        await refused(rows, new RegExp(`the revenue of row 8 is ${revenue}`));
      }
      const rows = rowsFrom(listsOf(5));
      const validation = { ...rows, grades: rows.grades.with(2, 9) };
      await assert.rejects(model.open({ ...dataOf(rows), validation }, config, 1), { code: 'MR_MODEL_DATA' });
    });

    test('a constant feature, and one that nobody has, say nothing', async () => {
      for (const value of [3, Number.NaN]) {
        const rows = rowsFrom(listsOf(5, ({ values }) => ({ values: [value, values[1] as number] })));
        const ranker = await trained(rows);
        const numbers = Float64Array.of(3, 5);
        const [first, second] = await answered(ranker, numbers, ['film', 'film'], ['i1', 'i1']);
        assert.ok(Number.isFinite(first));
        assert.equal(first, second);
        await ranker.close();
      }
    });

    test('one class only: nothing taken, or nothing left', async () => {
      await refused(rowsFrom(listsOf(5, () => ({ grade: 0 }))), /one class|has no pairs|all are 0/);
      const everything = rowsFrom(listsOf(5, () => ({ grade: 1 })));
      // It draws its negatives of what its users have not had, where a list shows none.
      if (model.name === 'neumf') await taken(everything);
      else await refused(everything, /one class|all are 1/);
    });

    test('lists of which nothing was left stand beside those that have negatives', async () => {
      const mixed = listsOf(5).map((list, nth) =>
        nth % 2 === 0 ? list : { ...list, rows: list.rows.map((row) => ({ ...row, grade: 1 })) },
      );
      await taken(rowsFrom(mixed));
    });

    test('a million categories, or items', async () => {
      const many = 1_000_000;
      const categories = Array.from({ length: many }, (_, i) => `c${i}`);
      const lists = listsOf(5, (row, nth) => ({
        values: [row.values[0] as number, (nth * 7919) % many],
        item: (nth * 7919) % many,
      }));
      const rows = rowsOf([{ name: 'f.number' }, { name: 'f.kind', categories }], lists, many);
      await taken(rows);
    });
  });
}

function answered(
  ranker: ItemRanker,
  numbers: Float64Array,
  kinds: readonly (string | null)[],
  items: readonly string[],
): Promise<Float64Array> {
  const byName: Record<string, RankingQuery['columns'][number]> = { 'f.number': numbers, 'f.kind': kinds };
  const read = ranker.inputs.flatMap(({ features }) => features.map((name) => byName[name] ?? numbers));
  const asking = { user: 'nobody', recentItems: ['gone'], profile: null, context: null };
  return ranker.score({ asking, items, columns: read });
}

const unknownScores = (ranker: ItemRanker) =>
  answered(
    ranker,
    Float64Array.of(0, Number.NaN, 1e30),
    ['never met', null, 'film'],
    ['new', 'new', 'newer'],
  );
