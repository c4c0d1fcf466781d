import {
  allTimePopularity,
  type CandidateScorer,
  coverage,
  type Dataset,
  decayedPopularity,
  diversity,
  type Evaluation,
  evaluateSampled,
  evaluateScores,
  exposureGini,
  heldOutAmong,
  type Interactions,
  type ItemSets,
  itemsByUser,
  longTail,
  type MetricValues,
  novelty,
  popularityLift,
  type Random,
  type Scorer,
  seededRandom,
  segmentOf,
  tuneHalfLifeMs,
} from '#models';
import { intervalsOf, JUDGING_SEED } from '../intervals.ts';
import type { Judgement, Judgements } from '../lesson.ts';

/** Scores of a user for all items, and for some of them. Higher is better. */
export type ItemScores = { readonly all: Scorer; readonly some: CandidateScorer };

/** What is to be found, by whom, among what. */
export type JudgedRows = {
  readonly items: number;
  readonly heldOut: ItemSets;
  /** Had in training: never ranked. */
  readonly seen: ItemSets;
  /** Unseen items, drawn alike, that the sampled protocol ranks the held-out ones among. */
  readonly negatives: ItemSets;
};

/** Users judged at most; a 95% interval of a recall is then narrower than .01. */
const MOST_USERS = 10_000;
/** Scores of all judged users for all items, for each ranking: a catalogue of a million takes two minutes by them. */
const MOST_SCORES = 1e9;
const SAMPLED_NEGATIVES = 99;
/** Training pairs below which a user is new. */
const FEW_PAIRS = 10;

/** Every user with something to be found, or as many as are judged at most, spread evenly. */
export function rowsToJudge({ heldOut, trainPairs, data: { items } }: Dataset): JudgedRows {
  const all = itemsByUser(heldOut);
  const most = Math.min(MOST_USERS, Math.max(1, Math.floor(MOST_SCORES / items)));
  const every = Math.max(1, all.size / most);
  const chosen = [...all].filter((_, place) => Math.floor((place + 1) / every) > Math.floor(place / every));
  const seen = itemsByUser(trainPairs);
  const random = seededRandom(JUDGING_SEED);
  const negatives = chosen.map(([user, own]): [number, number[]] => {
    const had = new Set([...own, ...(seen.get(user) ?? [])]);
    return [user, drawUnseen(items, had, random)];
  });
  return { items, heldOut: new Map(chosen), seen, negatives: new Map(negatives) };
}

function drawUnseen(items: number, had: ReadonlySet<number>, random: Random): number[] {
  if (items - had.size <= 2 * SAMPLED_NEGATIVES) {
    const free = Int32Array.from({ length: items }, (_, item) => item).filter((item) => !had.has(item));
    random.shuffle(free);
    return [...free.subarray(0, SAMPLED_NEGATIVES)];
  }
  const drawn = new Set<number>();
  while (drawn.size < SAMPLED_NEGATIVES) {
    const item = random.integer(items);
    if (!had.has(item)) drawn.add(item);
  }
  return [...drawn];
}

/**
 * Ranks all items that a user has not had in training, for every user. The baselines know the training pairs alone: how
 * many users took to an item, and the same with the half-life that fits them best, as of the newest of them.
 */
export function judge(dataset: Dataset, rows: JudgedRows, model: ItemScores): Judgements {
  const { trainPairs } = dataset;
  const counts = allTimePopularity(trainPairs, rows.items);
  const ofModel = judged(model, rows);
  const ofPopularity = judged(alike(counts), rows);
  const ofDecayed = judged(alike(tunedPopularity(trainPairs, rows.items)), rows);
  const { judgement, evaluation } = ofModel;
  const figuresOf = listFigures(dataset, rows, evaluation.users, counts);
  const few = (user: number) => [...(rows.seen.get(user) ?? [])].length < FEW_PAIRS;
  const rare = heldOutAmong(rows.heldOut, longTail(counts));
  const listed = [ofModel, ofPopularity, ofDecayed].map(({ lists }) => figuresOf(lists));
  const segments = {
    'new users': meansOf(segmentOf(evaluation, few)),
    'other users': meansOf(segmentOf(evaluation, (user) => !few(user))),
    'long tail': meansOf(at10(evaluateScores(model.all, { ...rows, heldOut: rare, ks: [10] }))),
  };
  return {
    model: judgement,
    popularity: ofPopularity.judgement,
    decayedPopularity: ofDecayed.judgement,
    intervals: intervalsOf(judgement.perUser),
    tables: [
      {
        heading: 'Lists',
        titles: ['of what is shown', 'value', 'popularity', 'decayed popularity'],
        rows: Object.keys(listed[0] ?? {}).map((name) => [name, ...listed.map((figures) => figures[name])]),
      },
      {
        heading: 'Segments',
        titles: ['segment', 'users', 'recall@10', 'ndcg@10'],
        rows: Object.entries(segments).map(([name, values]) => {
          return [name, String(values.users ?? 0), values['recall@10'], values['ndcg@10']];
        }),
      },
    ],
  };
}

/** One ranker alone. */
export function judgeScores(scores: ItemScores, rows: JudgedRows): Judgement {
  return judged(scores, rows).judgement;
}

type Judged = {
  readonly judgement: Judgement;
  readonly evaluation: Evaluation;
  /** In the order of the evaluation's users. */
  readonly lists: readonly Int32Array[];
};

function judged({ all, some }: ItemScores, rows: JudgedRows): Judged {
  const full = evaluateScores(all, { ...rows, ks: [10, 100] });
  const sampled = at10(evaluateSampled(some, { ...rows, ks: [10] }));
  const first = at10(full);
  const hundred = full.at.get(100) as Evaluation;
  const judgement = {
    metrics: {
      'recall@10': first.mean.recall,
      'precision@10': first.mean.precision,
      'ndcg@10': first.mean.ndcg,
      'hr@10': first.mean.hitRate,
      'mrr@10': first.mean.mrr,
      'map@10': first.mean.map,
      'recall@100': hundred.mean.recall,
      'ndcg@100': hundred.mean.ndcg,
      'sampled-ndcg@10': sampled.mean.ndcg,
      auc: full.auc.mean,
    },
    perUser: {
      'recall@10': first.perUser.recall,
      'ndcg@10': first.perUser.ndcg,
      'recall@100': hundred.perUser.recall,
      auc: full.auc.perUser,
      'sampled-ndcg@10': sampled.perUser.ndcg,
    },
  };
  return { judgement, evaluation: first, lists: full.lists.map((list) => list.subarray(0, 10)) };
}

/** Judges lists of the users `judgedUsers`. Two items are as alike as the share of their features that they have in common. */
function listFigures(
  { users, data }: Dataset,
  { items, seen }: JudgedRows,
  judgedUsers: Int32Array,
  counts: Float64Array,
): (lists: Judged['lists']) => MetricValues {
  const histories = Array.from(judgedUsers, (user) => [...(seen.get(user) ?? [])]);
  const { values, cardinalities } = data.itemFeatures;
  const fields = cardinalities.length;
  const alikeness = (a: number, b: number) => {
    let same = 0;
    for (let field = 0; field < fields; field++) {
      if (values[a * fields + field] === values[b * fields + field]) same++;
    }
    return same / fields;
  };
  return (lists) => ({
    'coverage@10': coverage(lists, items),
    'novelty@10': novelty(lists, counts, users.length - 1),
    'diversity@10': diversity(lists, alikeness),
    'popularity-lift@10': popularityLift(lists, histories, counts),
    'gini@10': exposureGini(lists, items),
  });
}

const at10 = ({ at }: { readonly at: ReadonlyMap<number, Evaluation> }) => at.get(10) as Evaluation;

function meansOf({ users, mean }: Evaluation): MetricValues {
  return { users: users.length, 'recall@10': mean.recall, 'ndcg@10': mean.ndcg };
}

function tunedPopularity(pairs: Interactions, items: number): Float64Array {
  const asOfMs = pairs.timestamp.at(-1) ?? 0;
  return decayedPopularity(pairs, items, { halfLifeMs: tuneHalfLifeMs(pairs, items), asOfMs });
}

/** The same for every user. */
function alike(scores: Float64Array): ItemScores {
  return {
    all: () => scores,
    some: (_, candidates) => Array.from(candidates, (item) => scores[item] as number),
  };
}
