import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testSeed } from '#platform/testing';
import { expectedMetrics, groupsAuc, tiedGroups } from '../../evaluation/ties.ts';
import { itemKnnModel } from '../../item-knn/model.ts';
import type { RetrievalModel, TrainedModel } from '../../model.ts';
import { checkConfig, type ModelConfig } from '../../parameters.ts';
import type { Random } from '../../random.ts';
import type { RankingDataset } from '../../ranking/dataset.ts';
import type { ItemRanker } from '../../ranking/port.ts';
import {
  datasetOf,
  itemId,
  retrievalOf,
  rowsOf,
  type ShownList,
  type ShownRow,
} from '../../ranking/testing/shown-lists.ts';
import { stackedModel } from '../../stacked/model.ts';
import { train } from '../../training.ts';
import { readTrees } from '../storage.ts';
import { withSeed } from '../testing/random-rows.ts';
import { baseFile, TREES_FILE } from './files.ts';
import { openTreeRanker } from './ranker.ts';
import { trainRanker } from './training.ts';

async function trained(
  dataset: RankingDataset,
  config: ModelConfig,
  bases: readonly RetrievalModel[] = [],
): Promise<TrainedModel> {
  // So that small data is learned.
  const quick = { leaves: 31, learningRate: 0.1, minRows: 20 };
  const training = await trainRanker(dataset, { bases, config: { ...quick, ...config }, seed: 1 });
  await train(training);
  const result = await training.result();
  await training.close();
  return result;
}

const nobody = { user: 'nobody', recentItems: [], profile: null, context: null };

/** Scores of items that have these features and nothing else, for a user of whom nothing is known. */
function scored(ranker: ItemRanker, columns: readonly (readonly number[])[]): Promise<Float64Array> {
  const items = Array.from(columns[0] ?? [], (_, i) => `new-${i}`);
  return ranker.score({ asking: nobody, items, columns: columns.map((each) => Float64Array.from(each)) });
}

type More = Partial<Pick<ShownRow, 'item' | 'position' | 'revenue' | 'isDrawn'>>;

const item = (values: readonly number[], grade: number, more: More = {}) => ({
  values,
  grade,
  item: 0,
  ...more,
});

test('base models never see labels: trees learn by scores of those trained on what was before', async () => {
  // Whoever had item 0 had item 1 too before, and item 2 as a whole; takes item 1 of the two, never item 2.
  const together = (other: number) => Array.from({ length: 20 }, (_, user) => [0, other, 3 + (user % 2)]);
  const [before, whole] = [retrievalOf(together(1), 5), retrievalOf(together(2), 5)];
  const lists = Array.from({ length: 60 }, (_, user): ShownList => {
    return { user, history: [0], rows: [item([0], 1, { item: 1 }), item([0], 0, { item: 2 })] };
  });
  const dataset = datasetOf(rowsOf([{ name: 'f' }], lists, 5), { retrieval: { before, whole } });
  const { files } = await trained(dataset, { trees: 5 }, [itemKnnModel]);
  const ranker = await openTreeRanker(files, [itemKnnModel]);
  const [second = 0, third = 0] = await ranker.score({
    asking: { ...nobody, recentItems: [itemId(0)] },
    items: [itemId(1), itemId(2)],
    columns: [new Float64Array(2)],
  });
  // What is served scores item 2 high, as item 1 was scored in training.
  assert.ok(third > second + 0.2, `${third} is not above ${second}`);
  await ranker.close();

  for (const [data, isServed] of [
    [before, false],
    [whole, true],
  ] as const) {
    const alone = await itemKnnModel.open(data, {}, 1);
    await alone.step();
    for (const [name, bytes] of Object.entries((await alone.result()).files)) {
      const served = files[baseFile('item-knn', name)];
      if (name.endsWith('json')) continue;
      assert.equal(Buffer.compare(served ?? Buffer.alloc(0), bytes) === 0, isServed, name);
    }
  }
});

test('of what was drawn uniformly, what the first base model ranks highest is learned from, in lists that it would have found', async () => {
  // Whoever had item 0 had item 1 by far most often, then 2, 3 and so on; items 6 and 7 with nobody.
  const ITEMS = 8;
  const baskets = Array.from({ length: 42 }, (_, user) => {
    const most = Math.floor((-1 + Math.sqrt(1 + 8 * user)) / 2);
    return [0, 1 + (user % 6 <= 5 - most ? user % 2 : user % 6)];
  });
  const counts = Array.from({ length: ITEMS }, (_, i) => baskets.filter((b) => b.includes(i)).length);
  const ranked = [...counts.keys()]
    .slice(1)
    .sort((a, b) => (counts[b] as number) - (counts[a] as number) || a - b);
  const data = retrievalOf(baskets, ITEMS);
  const [top = 0, next = 0, , , , , bottom = 0] = ranked;
  const drawnOf = (items: readonly number[]) => items.map((id) => item([1], 0, { item: id, isDrawn: true }));
  const lists = Array.from({ length: 40 }, (_, user): ShownList => {
    // In even lists what was taken is what the base model ranks highest; in odd ones, what it ranks last.
    const [taken, others] = user % 2 === 0 ? [top, ranked.slice(1, 5)] : [bottom, ranked.slice(0, 4)];
    const rows = [item([user % 2], 1, { item: taken }), ...drawnOf(others), item([1], 0, { item: next })];
    return { user, history: [0], rows };
  });
  const rows = rowsOf([{ name: 'f' }], lists, ITEMS);
  const coverOf = async (config: ModelConfig) => {
    const { files } = await trained(
      datasetOf(rows, { retrieval: { before: data, whole: data } }),
      { trees: 1, minRows: 2, calibration: 'none', ...config },
      [itemKnnModel],
    );
    const { cover, roots } = readTrees(files[TREES_FILE] as Uint8Array);
    return cover[roots[0] as number];
  };
  assert.equal(await coverOf({}), 40 * 6, 'all of them');
  // The first of four drawn negatives, beside the items taken and shown.
  assert.equal(await coverOf({ foundShare: 0.25 }), 20 * 3);
  assert.equal(await coverOf({ foundShare: 0.5 }), 20 * 4);
  for (const foundShare of [0, 1.5]) {
    await assert.rejects(async () => checkConfig('stacked', stackedModel.parameters, { foundShare }), {
      code: 'MR_MODEL_CONFIG',
    });
  }
});

const PLACES = 8;

/**
 * Users click on an item by its relevance, half as often at each further place. Who made the lists put items by a feature
 * that says little of relevance, and nothing once the place is known.
 */
function biasedLists(random: Random, count: number, isPositionKnown: boolean): ShownList[] {
  return Array.from({ length: count }, (_, user) => {
    const shown = Array.from({ length: PLACES }, () => [random.uniform(), random.uniform()] as const).sort(
      ([, a], [, b]) => b - a,
    );
    const rows = shown.map(([relevance, chosen], position) => {
      const grade = Number(random.uniform() < relevance * 0.5 ** position);
      return item([relevance, chosen], grade, isPositionKnown ? { position } : {});
    });
    return { user, rows };
  });
}

const biasedColumns = [{ name: 'relevance' }, { name: 'chosen' }];

/** The share of random item pairs that the model orders by relevance. */
async function orderedByRelevance(
  dataset: RankingDataset,
  config: ModelConfig,
  random: Random,
): Promise<number> {
  const ranker = await openTreeRanker((await trained(dataset, config)).files, []);
  const [relevance, chosen] = [0, 1].map(() => Array.from({ length: 1000 }, () => random.uniform()));
  const scores = await scored(ranker, [relevance as number[], chosen as number[]]);
  let ordered = 0;
  for (let i = 0; i < 1000; i += 2) {
    const [a, b] = [i, i + 1].map((at) => [relevance?.[at], scores[at]] as [number, number]);
    if (a === undefined || b === undefined) continue;
    ordered += Math.sign(a[0] - b[0]) === Math.sign(a[1] - b[1]) ? 1 : a[1] === b[1] ? 0.5 : 0;
  }
  return ordered / 500;
}

test(
  'with positions given, what users take for its place is not taken for its worth',
  withSeed(async (random) => {
    const seed = random.save();
    const shares: number[] = [];
    for (const isKnown of [true, false]) {
      random.restore(seed);
      const rows = rowsOf(biasedColumns, biasedLists(random, 4000, isKnown), 1);
      shares.push(await orderedByRelevance(datasetOf(rows), { trees: 60, leaves: 15 }, random));
    }
    const [withPositions = 0, without = 0] = shares;
    assert.ok(withPositions > 0.85 && withPositions > without + 0.1, `${withPositions}, without ${without}`);
  }),
);

test(
  'with inverse propensities no tree sees a place, and items are told by their worth all the same',
  withSeed(async (random) => {
    const seed = random.save();
    const shares: number[] = [];
    for (const positionBias of ['inverse-propensity', 'none']) {
      random.restore(seed);
      const rows = rowsOf(biasedColumns, biasedLists(random, 4000, true), 1);
      const config = { trees: 60, leaves: 15, positionBias };
      shares.push(await orderedByRelevance(datasetOf(rows), config, random));
    }
    const [weighted = 0, plain = 0] = shares;
    assert.ok(weighted > 0.7 && weighted > plain + 0.05, `${weighted}, without ${plain}`);
  }),
);

for (const [weight, grade, revenue] of [
  ['completedWeight', 2, 0],
  ['likedWeight', 3, 0],
  ['boughtWeight', 3, 9],
] as const) {
  test(
    `${weight} moves the order towards items of which so much comes, and no chances`,
    withSeed(async (random) => {
      // Half of the items are clicked often; of the others more comes, half as often.
      const lists = Array.from({ length: 1500 }, (_, user): ShownList => {
        const rows = Array.from({ length: 4 }, () => {
          const isRare = random.integer(2);
          const isTaken = random.uniform() < (isRare === 1 ? 0.2 : 0.4);
          if (!isTaken) return item([isRare], 0);
          return isRare === 1 ? item([isRare], grade, { revenue }) : item([isRare], 1);
        });
        return { user, rows };
      });
      const dataset = datasetOf(rowsOf([{ name: 'rare' }], lists, 1));
      const scoresBy = async (config: ModelConfig) => {
        const ranker = await openTreeRanker((await trained(dataset, config)).files, []);
        return scored(ranker, [[0, 1]]);
      };
      const [clicked = 0, rare = 0] = await scoresBy({ calibration: 'none' });
      assert.ok(clicked > rare);
      const [clickedNow = 0, rareNow = 0] = await scoresBy({ calibration: 'none', [weight]: 5 });
      assert.ok(rareNow > clickedNow);
      const [, chanceOfRare = 0] = await scoresBy({ [weight]: 5 });
      assert.ok(Math.abs(chanceOfRare - 0.2) < 0.15, `calibrated by what was taken: ${chanceOfRare}`);
    }),
  );
}

const chance = (score: number) => 1 / (1 + Math.exp(-score));

/** Two features decide over a chance; what trees this greedy make of some hundred rows is far too certain. */
function chancyLists(random: Random, lists: number): { lists: ShownList[]; chances: number[] } {
  const chances: number[] = [];
  const made = Array.from({ length: lists }, (_, user): ShownList => {
    const rows = Array.from({ length: 5 }, () => {
      const values = [random.normal(), random.normal(), random.normal()];
      const own = chance((values[0] as number) - 1.5);
      chances.push(own);
      return item(values, Number(random.uniform() < own) * (1 + random.integer(3)));
    });
    return { user, rows };
  });
  return { lists: made, chances };
}

const chancyColumns = ['a', 'b', 'c'].map((name) => ({ name }));
const greedy = { trees: 60, leaves: 31, minRows: 5, learningRate: 0.3 };

const mean = (values: ArrayLike<number>) =>
  Array.from(values).reduce((sum, each) => sum + each, 0) / values.length;

/** Mean chance and log loss, expected over what users may do with fresh items; and the order of those. */
async function judged(random: Random, lists: number, config: ModelConfig) {
  const rows = rowsOf(chancyColumns, chancyLists(random, lists).lists, 1);
  const { lists: fresh, chances } = chancyLists(random, 800);
  const freshRows = fresh.flatMap((list) => list.rows);
  const columns = [0, 1, 2].map((i) => freshRows.map(({ values }) => values[i] as number));
  const ranker = await openTreeRanker((await trained(datasetOf(rows), config)).files, []);
  const scores = await scored(ranker, columns);
  const predictions = config.calibration === 'none' ? scores.map(chance) : scores;
  assert.ok(predictions.every((p) => p >= 0 && p <= 1));
  const losses = predictions.map((p, i) => {
    const own = chances[i] as number;
    return -own * Math.log(Math.max(1e-12, p)) - (1 - own) * Math.log(Math.max(1e-12, 1 - p));
  });
  const order = [...scores.keys()].sort((x, y) => (scores[y] as number) - (scores[x] as number));
  return { predicted: mean(predictions), expected: mean(chances), loss: mean(losses), order };
}

test(
  'scores of the logistic loss are chances: as high on average as what happens',
  withSeed(async (random) => {
    for (const calibration of ['platt', 'isotonic']) {
      const { predicted, expected } = await judged(random, 2000, { trees: 60, calibration });
      assert.ok(Math.abs(predicted - expected) < 0.02, `${calibration}: ${predicted}, not ${expected}`);
    }
  }),
);

test(
  'calibration goes by rows that their trees have not seen: it mends trees that know all by heart',
  withSeed(async (random) => {
    const seed = random.save();
    const judge = (calibration: string) => {
      random.restore(seed);
      return judged(random, 300, { ...greedy, calibration });
    };
    const [none, platt, isotonic] = [await judge('none'), await judge('platt'), await judge('isotonic')];
    assert.ok(platt.loss < none.loss - 0.08, `${platt.loss} after ${none.loss}`);
    assert.ok(isotonic.loss < none.loss - 0.08, `${isotonic.loss} after ${none.loss}`);
    assert.deepEqual(platt.order, none.order, 'a sigmoid changes no order');
  }),
);

for (const [loss, seed = testSeed] of [
  ['logistic'],
  // Equal chances for items 9 to 39, of which 9 comes first in the order of ids.
  ['logistic', 825_731_945],
  ['squared'],
  ['lambdamart'],
  ['yetirank'],
] as const) {
  test(
    `${loss} orders items by how much comes of them, seed ${seed}`,
    withSeed(async (random) => {
      const lists = Array.from({ length: 150 }, (_, user): ShownList => {
        const rows = Array.from({ length: 6 }, () => {
          const worth = random.integer(4);
          return item([worth + 0.3 * random.normal(), random.normal()], worth);
        });
        return { user, rows };
      });
      const { files } = await trained(datasetOf(rowsOf([{ name: 'worth' }, { name: 'noise' }], lists, 1)), {
        ...{ loss, trees: 20, leaves: 8 },
      });
      const ranker = await openTreeRanker(files, []);
      const worths = Array.from({ length: 40 }, (_, i) => (3 * i) / 39);
      const scores = await scored(ranker, [worths, worths.map(() => random.normal())]);
      const areChances = scores.every((score) => score >= 0 && score <= 1);
      if (loss === 'logistic') {
        // Chances separate worth 0 from more; between 0.25 and 0.75, noise decides which of the two an item is.
        const clear = scores.filter((_, i) => (worths[i] as number) <= 0.25 || (worths[i] as number) >= 0.75);
        const nothing = worths.filter((worth) => worth <= 0.25).length;
        const more = [...clear.keys()].slice(nothing);
        const auc = groupsAuc(tiedGroups(clear, more), clear.length);
        assert.ok(auc > 0.95, `${auc}: ${scores}`);
        assert.ok(areChances);
        return;
      }
      const best = [...scores.keys()].slice(30);
      const { ndcg } = expectedMetrics(tiedGroups(scores, best), best.length, 5);
      assert.ok(ndcg > 0.95, `${ndcg}: ${scores}`);
      if (loss !== 'squared') assert.ok(!areChances, 'an order has no chances');
    }, seed),
  );
}

test('what can not be learned from, and a bad configuration, are refused', async () => {
  const list = { user: 0, rows: [item([1], 1), item([2], 0)] };
  const rows = rowsOf([{ name: 'f' }], [list, list], 1);
  const refused = (dataset: RankingDataset, config: ModelConfig, code: string) =>
    assert.rejects(trained(dataset, config), { code });
  await refused(datasetOf(rows), { trees: 0 }, 'MR_MODEL_CONFIG');
  const infinite = { ...rows, values: Float32Array.of(1, 2, 1, Number.POSITIVE_INFINITY) };
  await refused(datasetOf(infinite), {}, 'MR_MODEL_DATA');
  // One list can be learned from, but not be held out in turn: its scores stay what they are.
  const one = datasetOf(rowsOf([{ name: 'f' }], [list], 1));
  const ranker = await openTreeRanker((await trained(one, { trees: 1 })).files, []);
  assert.equal(ranker.givesChances, false);
});

test('lists of which a fold would have one class alone are learned from, without chances', async () => {
  const takenOnce = (user: number): ShownList => ({
    user,
    rows: [item([1], Number(user === 0)), item([2], 0)],
  });
  const rows = rowsOf([{ name: 'f' }], [0, 1, 2, 3].map(takenOnce), 1);
  for (const loss of ['logistic', 'lambdamart']) {
    const { files } = await trained(datasetOf(rows), { loss, trees: 1 });
    assert.equal((await openTreeRanker(files, [])).givesChances, false);
  }
});
