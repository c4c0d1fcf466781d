/** The versions of the made-up world, trained by the product's own code on a little of it. */
import { type FeatureKind, featureViews, isPositive, recordViews } from '#features';
import {
  type ColumnSubject,
  type Dataset,
  modelNamed,
  type RankingModel,
  type RankingRows,
  retrievalModelOf,
  seededRandom,
  train,
  type VersionContents,
  Vocabulary,
} from '#models';
import { invariant } from '#platform';
import type { Interaction, Item, User } from '#schemas';

export type Lesson = {
  readonly catalogue: readonly Item[];
  readonly people: readonly User[];
  readonly eventsOf: (user: number) => readonly Interaction[];
};

const SEED = 1;
const EXAMPLES = 60_000;
const LISTS = 600;
const LIST_ITEMS = 10;
/** For latency it is the size of a model that counts, and not what it has learned. */
const RETRIEVAL = { epochs: 2 };
const RANKERS: Readonly<Record<string, Record<string, number>>> = {
  stacked: { trees: 100, leaves: 31, minRows: 10, learningRate: 0.1 },
  dlrm: { epochs: 1, minRows: 1 },
};
const numbers: readonly FeatureKind[] = ['long', 'double', 'long?', 'double?'];

export async function trainedRetrieval(
  lesson: Lesson,
): Promise<{ readonly files: VersionContents; readonly dataset: Dataset }> {
  const dataset = datasetOf(lesson);
  const model = retrievalModelOf('two-tower');
  invariant(model !== undefined, 'there is a two-tower');
  const training = await model.open(dataset, RETRIEVAL, SEED);
  await train(training);
  const { files } = await training.result();
  await training.close();
  return { files, dataset };
}

/** Over all features of the product's views, and the scores of base models where it has them. */
export async function trainedRanker(
  name: string,
  lesson: Lesson,
  retrieval: Dataset,
): Promise<VersionContents> {
  const model = modelNamed(name) as RankingModel;
  const rows = rowsOf(lesson);
  const views = Object.fromEntries(
    [...featureViews, ...recordViews].map((view) => [view.name, view.version]),
  );
  const subjects = Object.fromEntries(
    rows.columns.flatMap(({ name: column }): (readonly [string, ColumnSubject])[] => {
      if (column.startsWith('user-features.') || column.startsWith('user-profile.'))
        return [[column, 'user']];
      const isOfCatalogue = column.startsWith('item-profile.') && column !== 'item-profile.age_days';
      return isOfCatalogue ? [[column, 'catalogue']] : [];
    }),
  );
  const bases = model.bases.length > 0 && { retrieval: { before: retrieval, whole: retrieval } };
  const training = await model.open(
    { views, subjects, train: rows, heldOut: rows, ...bases },
    RANKERS[name] ?? {},
    SEED,
  );
  await train(training);
  const { files } = await training.result();
  await training.close();
  return files;
}

function datasetOf({ catalogue, people, eventsOf }: Lesson): Dataset {
  const users = people.map(({ user_id: id, ...profile }) => ({ id, profile }));
  const items = catalogue.map(({ item_id: id, ...metadata }) => ({ id, metadata }));
  const vocabulary = Vocabulary.build({ users, items });
  const { features, tags } = vocabulary.itemTables({ items });
  const pairs = people.flatMap((_, user) =>
    eventsOf(user).flatMap((event) =>
      isPositive(event)
        ? [{ user: user + 1, item: vocabulary.itemIndex(event.item_id) as number, ts: event.ts }]
        : [],
    ),
  );
  const newest = new Map(
    Array.from(
      Map.groupBy(pairs, ({ user }) => user),
      ([user, own]) => [user, own.map(({ item }) => item)],
    ),
  );
  const chosen = pairs.slice(0, EXAMPLES);
  const histories = chosen.map(({ user, item }) =>
    (newest.get(user) ?? []).filter((other) => other !== item),
  );
  const offsets = new Int32Array(chosen.length + 1);
  histories.forEach((history, row) => {
    offsets[row + 1] = (offsets[row] as number) + history.length;
  });
  return {
    vocabulary,
    data: {
      users: vocabulary.userCount,
      items: vocabulary.itemCount,
      profile: vocabulary.profileTable({ users }),
      itemFeatures: features,
      itemTags: tags,
      train: {
        user: Int32Array.from(chosen, ({ user }) => user),
        item: Int32Array.from(chosen, ({ item }) => item),
        weight: new Float32Array(chosen.length).fill(1),
        historyOffsets: offsets,
        history: Int32Array.from(histories.flat()),
      },
    },
    users: [{ id: '', profile: null }, ...users],
    titles: catalogue.map(({ title }) => title),
    trainPairs: {
      user: Int32Array.from(pairs, ({ user }) => user),
      item: Int32Array.from(pairs, ({ item }) => item),
      timestamp: Float64Array.from(pairs, ({ ts }) => ts),
    },
    newestItems: newest,
    heldOut: { user: new Int32Array(), item: new Int32Array() },
    askedIn: new Map(),
  } as unknown as Dataset;
}

/** Lists of items shown to users; what was taken follows from some of the columns, so that trees split by many. */
function rowsOf({ catalogue, people, eventsOf }: Lesson): RankingRows {
  const random = seededRandom(SEED);
  const textsOf: Readonly<Record<string, readonly (string | null)[]>> = {
    'item-profile.type': catalogue.map(({ type }) => type),
    'item-profile.category': catalogue.map(({ category }) => category),
    'item-profile.language': catalogue.map(({ language }) => language),
    'user-profile.gender': people.map(({ gender }) => gender),
    'user-profile.occupation': people.map(({ occupation }) => occupation),
    'user-profile.country': people.map(({ country }) => country),
    'user-profile.language': people.map(({ language }) => language),
  };
  const columns = [...featureViews, ...recordViews].flatMap((view) =>
    view.columns.flatMap(({ name, kind }) => {
      const column = `${view.name}.${name}`;
      if (numbers.includes(kind)) return [{ name: column }];
      const texts = textsOf[column];
      if (kind !== 'string?' || texts === undefined) return [];
      return [{ name: column, categories: [...new Set(texts)].filter((text) => text !== null).sort() }];
    }),
  );
  const rows = LISTS * LIST_ITEMS;
  const values = new Float32Array(rows * columns.length);
  const grades = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    columns.forEach((column, at) => {
      const { categories } = column as { readonly categories?: readonly string[] };
      const value =
        categories === undefined ? Math.floor(20 * random.uniform() ** 2) : random.integer(categories.length);
      values[row * columns.length + at] = random.uniform() < 0.05 ? Number.NaN : value;
      sum += (at % 3 === 0 ? 1 : -1) * Math.log1p(value);
    });
    grades[row] = Number(sum + 4 * random.normal() > -10);
  }
  const users = people.slice(0, LISTS).map(({ user_id: id, ...profile }) => ({ id, profile }));
  const user = Int32Array.from({ length: rows }, (_, row) => Math.floor(row / LIST_ITEMS) % users.length);
  const item = Int32Array.from({ length: rows }, () => random.integer(catalogue.length));
  const places = new Map(catalogue.map(({ item_id }, place) => [item_id, place]));
  const recent = users.map((_, who) => eventsOf(who).filter(isPositive).slice(0, 50));
  const offsets = new Int32Array(rows + 1);
  user.forEach((who, row) => {
    offsets[row + 1] = (offsets[row] as number) + (recent[who]?.length ?? 0);
  });
  return {
    columns,
    rows,
    values,
    grades,
    positions: Float32Array.from({ length: rows }, (_, row) => row % LIST_ITEMS),
    revenues: new Float32Array(rows),
    drawn: new Uint8Array(rows),
    lists: Int32Array.from({ length: LISTS + 1 }, (_, list) => list * LIST_ITEMS),
    shown: {
      users,
      items: catalogue.map(({ item_id }) => item_id),
      moments: [null],
      user,
      item,
      moment: new Int32Array(rows),
      history: {
        offsets,
        ids: Int32Array.from(
          Array.from(user).flatMap((who) =>
            (recent[who] ?? []).map(({ item_id }) => places.get(item_id) as number),
          ),
        ),
      },
    },
  };
}
