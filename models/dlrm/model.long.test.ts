import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import type { VersionContents } from '../artifact/port.ts';
import { openRanker } from '../open-ranker.ts';
import type { ModelConfig } from '../parameters.ts';
import { seededRandom } from '../random.ts';
import type { RankingDataset, RankingRows } from '../ranking/dataset.ts';
import type { FeatureColumn, Objectives } from '../ranking/port.ts';
import { rowScores } from '../ranking/row-scores.ts';
import { datasetOf, itemId, rowsOf, type ShownList, userId } from '../ranking/testing/shown-lists.ts';
import { filesOf, networkContract, scoresOf } from '../ranking-networks/testing/network-contract.ts';
import { dlrmModel } from './model.ts';

const USERS = 40;
const ITEMS = 24;
const KINDS = ['film', 'quiz', 'text'];
const MOODS = ['bright', 'dark'];
const columns = [
  { name: 'user.level' },
  { name: 'user.mood', categories: MOODS },
  { name: 'item.kind', categories: KINDS },
  { name: 'item.price' },
  { name: 'now.heat' },
  { name: 'now.seen' },
  { name: 'now.label', categories: ['new', 'sale'] },
];
const subjects = {
  'user.level': 'user',
  'user.mood': 'user',
  'item.kind': 'catalogue',
  'item.price': 'catalogue',
} as const;

const priceOf = (item: number) => 1 + (item % 5);
const levelOf = (user: number) => (user % 5) - 2;
const moodOf = (user: number) => user % 2;

/** Users take what is hot, films when their mood is bright and texts when it is dark, and buy what is cheap. */
function lists(count: number, seed: number): ShownList[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, list) => {
    const user = list % USERS;
    const rows = Array.from({ length: 5 }, (_, position) => {
      const [item, kind] = [random.integer(ITEMS), random.integer(3)];
      const [heat, seen] = [random.normal(), random.integer(2)];
      const label = random.uniform() < 0.5 ? Number.NaN : random.integer(2);
      const liked = kind === (moodOf(user) === 0 ? 0 : 2) ? 1.5 : -1.5;
      const logit = 1.5 * liked + 1.5 * heat - 1.5 * seen + (label === 1 ? 2 : 0) - 0.3 * position;
      const grade = Number(random.uniform() < 1 / (1 + Math.exp(-logit)));
      const isBought = grade > 0 && random.uniform() < (priceOf(item) < 3 ? 0.8 : 0.1);
      const isMissing = random.uniform() < 0.05;
      return {
        values: [
          levelOf(user),
          moodOf(user),
          kind,
          isMissing ? Number.NaN : priceOf(item),
          heat,
          seen,
          label,
        ],
        ...{ item, grade, position, revenue: isBought ? priceOf(item) : 0 },
      };
    });
    return { user, rows, history: [user % ITEMS] };
  });
}

const heldOut = rowsOf(columns, lists(200, 2), ITEMS);
const dataset: RankingDataset = {
  ...datasetOf(rowsOf(columns, lists(900, 1), ITEMS), { subjects }),
  heldOut,
};
const config = {
  ...{ dim: 4, bottomHidden: 8, topHidden: 16, batchSize: 64, epochs: 8, minRows: 3 },
  ...{ learningRate: 0.01, embeddingLearningRate: 0.1 },
};
const what = { model: dlrmModel, config, dataset, leastNdcg: 0.92 };

networkContract(what);

const asking = { user: userId(0), recentItems: [itemId(0)], profile: null, context: null };

suite('DLRM as a ranker', () => {
  let files: VersionContents = {};
  before(async () => {
    files = await filesOf(what);
  });

  /** Scores of items in an answer; what is not told of them is that of a bright user, and all of them alike. */
  async function answered(
    items: readonly string[],
    more: { readonly [name: string]: FeatureColumn } = {},
    who: Partial<typeof asking> = {},
  ): Promise<number[]> {
    const ranker = await dlrmModel.ranker(files);
    const given: Readonly<Record<string, FeatureColumn>> = {
      'user.level': new Float64Array(items.length),
      'user.mood': items.map(() => 'bright'),
      'item.kind': items.map(() => 'film'),
      'item.price': new Float64Array(items.length).fill(2),
      'now.heat': new Float64Array(items.length),
      'now.seen': new Float64Array(items.length),
      'now.label': items.map(() => null),
      ...more,
    };
    try {
      const query = columns.map(({ name }) => given[name] as FeatureColumn);
      const scores = await ranker.score({ asking: { ...asking, ...who }, items, columns: query });
      assert.ok(scores.every((score) => score >= 0 && score <= 1));
      return [...scores];
    } finally {
      await ranker.close();
    }
  }

  test('says what it reads, of which views', async () => {
    const { inputs, views, givesChances, close } = await dlrmModel.ranker(files);
    assert.deepEqual(
      inputs.map(({ type, features }) => [features[0], type]),
      columns.map(({ name, categories }) => [name, categories === undefined ? 'float64' : 'string']),
    );
    assert.deepEqual([views, givesChances], [{ 'item-features': 2 }, true]);
    await close();
  });

  test('reads the user, the catalogue and what changes, each by its column', async () => {
    const twice = [itemId(0), itemId(0)];
    const rises = async (more: { readonly [name: string]: FeatureColumn }, name: string) => {
      const [low = 0, high = 0] = await answered(twice, more);
      assert.ok(high > low + 0.1, `${name}: ${low}, ${high}`);
    };
    await rises({ 'now.heat': Float64Array.of(-1, 1) }, 'heat');
    await rises({ 'now.seen': Float64Array.of(1, 0) }, 'seen');
    await rises({ 'now.label': [null, 'sale'], 'item.kind': ['text', 'text'] }, 'sale');
    await rises({ 'item.kind': ['text', 'film'] }, 'what bright users like');
    await rises({ 'item.kind': ['film', 'text'], 'user.mood': ['dark', 'dark'] }, 'what dark users like');
    // What columns say of the user may change inside of a list of training.
    await rises({ 'item.kind': ['text', 'text'], 'user.mood': ['bright', 'dark'] }, 'two moods');
  });

  test('answers score items as if each were shown first, not as far down as they were', async () => {
    const first = await scoresOf(what, files, heldOut);
    const atTop = { ...heldOut, positions: new Float32Array(heldOut.rows) };
    assert.deepEqual(await scoresOf(what, files, atTop), first);
    const withoutPositions = (rows: RankingRows) => {
      return { ...rows, positions: new Float32Array(rows.rows).fill(Number.NaN) };
    };
    const unplaced = { ...dataset, train: withoutPositions(dataset.train) };
    const others = await scoresOf(what, await filesOf({ ...what, dataset: unplaced }), heldOut);
    const mean = (scores: Float64Array) => scores.reduce((sum, each) => sum + each, 0) / scores.length;
    assert.ok(mean(first) > mean(others) + 0.015, `${mean(first)}, without positions ${mean(others)}`);
  });

  test('what it has not met has a score: categories, users, items, missing values, everything', async () => {
    const ids = [itemId(3), 'never seen', itemId(3), 'never seen'];
    const kinds = ['film', 'film', 'never met', null];
    const [a, b, c, d] = await answered(ids, { 'item.kind': kinds });
    assert.equal(new Set([a, b, c, d]).size, 4);
    const alike = await answered([itemId(3), itemId(3)], { 'item.kind': ['never met', null] });
    assert.equal(alike[0], alike[1], 'a category that training did not meet is none');
    const nobody = { user: 'nobody', recentItems: ['gone', 'too'] };
    const missing = new Float64Array(2).fill(Number.NaN);
    const nothing = Object.fromEntries(
      columns.map(({ name, categories }) => [name, categories === undefined ? missing : [null, null]]),
    );
    const [e, f] = await answered(['x', 'y'], nothing, nobody);
    assert.equal(e, f);
    const infinite = { 'now.heat': Float64Array.of(Number.POSITIVE_INFINITY) };
    await assert.rejects(answered([itemId(0)], infinite), { code: 'MR_MODEL_DATA' });
  });

  test('an item of which the catalogue says something else scores as if it had always said so', async () => {
    const ranker = await dlrmModel.ranker(files);
    const score = async (kind: string, price: number) => {
      const numbers = [0, Number.NaN, Number.NaN, price, 0, 0];
      const query = columns.map(({ name, categories }, place): FeatureColumn => {
        if (categories === undefined) return Float64Array.of(numbers[place] as number);
        const texts: Readonly<Record<string, string>> = { 'item.kind': kind, 'user.mood': 'bright' };
        return [texts[name] ?? null];
      });
      return (await ranker.score({ asking, items: [itemId(1)], columns: query }))[0] as number;
    };
    const changing = [await score('film', 2), await score('text', 2), await score('film', 2)];
    await ranker.close();
    const fresh = await answered([itemId(1)], { 'item.kind': ['text'] });
    assert.equal(changing[1], fresh[0]);
    assert.equal(changing[0], changing[2]);
    assert.ok((changing[0] as number) > (changing[1] as number) + 0.1);
  });

  test('training reads rows by the function that reads answers: equal queries have equal scores', async () => {
    const ranker = await dlrmModel.ranker(files);
    const scores = (await rowScores(ranker, heldOut)) as Float64Array;
    await ranker.close();
    for (const list of [0, 11, 57]) {
      const [from, to] = [heldOut.lists[list] as number, heldOut.lists[list + 1] as number];
      const rows = Array.from({ length: to - from }, (_, i) => from + i);
      const given = Object.fromEntries(
        columns.map(({ name, categories }, place): [string, FeatureColumn] => {
          const values = rows.map((row) => heldOut.values[row * columns.length + place] as number);
          return [
            name,
            categories?.length ? values.map((code) => categories[code] ?? null) : Float64Array.from(values),
          ];
        }),
      );
      const user = heldOut.shown.users[heldOut.shown.user[from] as number]?.id as string;
      const items = rows.map((row) => heldOut.shown.items[heldOut.shown.item[row] as number] as string);
      const recentItems = [itemId((heldOut.shown.user[from] as number) % ITEMS)];
      assert.deepEqual(await answered(items, given, { user, recentItems }), [...scores.subarray(from, to)]);
    }
  });

  test('ranked by conversion or revenue, what is bought comes first, and dear items for revenue', async () => {
    const scored = async (rankBy: string) => {
      const chosen = {
        ...what,
        config: { ...config, rankBy, conversionWeight: 1, revenueWeight: 3 },
      };
      const own = await filesOf(chosen);
      const ranker = await dlrmModel.ranker(own);
      assert.equal(ranker.givesChances, false);
      await ranker.close();
      return scoresOf(chosen, own, heldOut);
    };
    const [conversion, revenue] = [await scored('conversion'), await scored('revenue')];
    const prices = Array.from(heldOut.shown.item, priceOf);
    const meanWhere = (scores: Float64Array, wanted: (price: number) => boolean) => {
      const own = [...scores].filter((_, row) => wanted(prices[row] as number));
      return own.reduce((sum, each) => sum + each, 0) / own.length;
    };
    const cheap = meanWhere(conversion, (price) => price < 3);
    const dear = meanWhere(conversion, (price) => price >= 3);
    assert.ok(cheap > 2 * dear, `${cheap}, dear ones ${dear}`);
    // When two items sell equally well, the more expensive one brings more revenue.
    const [one, two] = [1, 2].map((wanted) => meanWhere(revenue, (price) => price === wanted)) as [
      number,
      number,
    ];
    assert.ok(two > 1.3 * one, `${one} and ${two}`);
    const nothingBought = {
      ...dataset,
      train: { ...dataset.train, revenues: new Float32Array(dataset.train.rows) },
    };
    await assert.rejects(dlrmModel.open(nothingBought, { ...config, rankBy: 'revenue' }, 1), {
      code: 'MR_MODEL_DATA',
    });
  });

  test('weighed objectives are the sum of what is expected of each, whatever it was trained to rank by', async () => {
    const chosen = {
      ...what,
      config: { ...config, rankBy: 'conversion', conversionWeight: 1, revenueWeight: 3 },
    };
    const own = await filesOf(chosen);
    const by = async (objectives?: Objectives) => {
      const ranker = await openRanker('dlrm', own, objectives);
      const scores = await rowScores(ranker, heldOut);
      await ranker.close();
      return { givesChances: ranker.givesChances, scores: scores ?? assert.fail('it reads these columns') };
    };
    const [click, conversion, revenue] = [
      await by({ click: 1 }),
      await by({ conversion: 1 }),
      await by({ revenue: 1 }),
    ];
    const mixed = await by({ click: 0.5, conversion: 2, revenue: -0.25 });
    assert.equal(mixed.givesChances, false);
    assert.ok(click.scores.every((chance) => chance > 0 && chance < 1));
    assert.deepEqual(conversion.scores, (await by()).scores);
    mixed.scores.forEach((score, row) => {
      const [p, c, r] = [click, conversion, revenue].map(({ scores }) => scores[row] as number) as [
        number,
        number,
        number,
      ];
      assert.ok(c <= p);
      assert.ok(Math.abs(score - (0.5 * p + 2 * c - 0.25 * r)) < 1e-9);
    });
    await assert.rejects(by({ like: 1 }), { code: 'MR_MODEL_OBJECTIVE' });
    await assert.rejects(openRanker('neumf', own, { click: 1 }), { code: 'MR_MODEL_OBJECTIVE' });
    const clicksOnly = await filesOf({
      ...what,
      dataset: {
        ...dataset,
        train: { ...dataset.train, revenues: new Float32Array(dataset.train.rows) },
      },
    });
    await assert.rejects(openRanker('dlrm', clicksOnly, { revenue: 1 }), { code: 'MR_MODEL_OBJECTIVE' });
  });

  test('ids are hashed into as many rows as it is told, and learned by either optimiser', async () => {
    for (const more of [{ hashRows: 64 }, { embeddingOptimiser: 'adam', embeddingLearningRate: 0.01 }]) {
      const chosen = { ...what, config: { ...config, ...more } as ModelConfig };
      const scores = await scoresOf(chosen, await filesOf(chosen), heldOut);
      assert.notDeepEqual(scores, await scoresOf(what, files, heldOut));
      const taken = (grade: number) => {
        const own = [...scores].filter((_, row) => heldOut.grades[row] === grade);
        return own.reduce((sum, each) => sum + each, 0) / own.length;
      };
      assert.ok(taken(1) > taken(0) + 0.2, JSON.stringify(more));
    }
  });

  test('values that are infinite are refused', async () => {
    const values = dataset.train.values.slice();
    values[4] = Number.NEGATIVE_INFINITY;
    const infinite = { ...dataset, train: { ...dataset.train, values } };
    await assert.rejects(dlrmModel.open(infinite, config, 1), { code: 'MR_MODEL_DATA' });
    await assert.rejects(dlrmModel.open(dataset, { ...config, rankBy: 'nothing' }, 1));
  });
});
