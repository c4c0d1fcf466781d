import { type Feed, toInt64 } from '../graph/session.ts';
import { DistinctIds } from '../optimise/distinct-ids.ts';
import type { Random } from '../random.ts';
import { CandidateSampler } from './candidates.ts';
import type { TwoTowerConfig } from './config.ts';
import type { Bags, Categoricals, TwoTowerData } from './data.ts';
import type { TableName } from './parameters.ts';

/** The rows of the tables that a step reads: ids in the feed are positions in these lists. */
export type StepRows = Readonly<Record<TableName, Int32Array>>;
export type Batch = { readonly feeds: Readonly<Record<string, Feed>>; readonly rows: StepRows };

/** Turns a list of examples into the feed of one training step. */
export class BatchBuilder {
  readonly batchSize: number;
  readonly candidates: number;
  /** Length of the longest bag of tags, at least 1. */
  readonly tagsLength: number;
  readonly #data: TwoTowerData;
  readonly #config: TwoTowerConfig;
  readonly #random: Random;
  readonly #sampler: CandidateSampler;
  readonly #users: DistinctIds;
  readonly #items: DistinctIds;
  readonly #history: DistinctIds;

  constructor(data: TwoTowerData, config: TwoTowerConfig, random: Random) {
    const { train, items, users } = data;
    this.batchSize = Math.min(config.batchSize, train.user.length);
    this.#sampler = new CandidateSampler(train.item, items, this.batchSize, config.candidates, random);
    this.candidates = this.#sampler.count;
    this.tagsLength = longest(data.itemTags);
    this.#data = data;
    this.#config = config;
    this.#random = random;
    this.#users = new DistinctIds(users);
    this.#items = new DistinctIds(items + 1);
    this.#history = new DistinctIds(items + 1);
  }

  /** From positions of examples; a list shorter than the batch is filled up with its first one, at weight 0. */
  build(examples: Int32Array): Batch {
    const { train, profile } = this.#data;
    const size = this.batchSize;
    const row = (i: number) => examples[i < examples.length ? i : 0] as number;
    const column = (values: Int32Array) =>
      Int32Array.from({ length: size }, (_, i) => values[row(i)] as number);

    const users = column(train.user);
    const targets = new Int32Array(size);
    const candidates = this.#sampler.draw(column(train.item), targets);
    const weight = Float32Array.from({ length: size }, (_, i) =>
      i < examples.length ? (train.weight[row(i)] as number) : 0,
    );
    const { feeds: itemFeeds, rows: item } = this.#candidateFeeds(candidates);
    const { feeds: historyFeeds, rows: history } = this.#historyFeeds(
      Int32Array.from(weight, (_, i) => row(i)),
    );
    this.#users.clear();
    const user = users.map((id) => this.#users.add(this.#chance(this.#config.unknownUserShare) ? 0 : id));
    return {
      feeds: {
        ...itemFeeds,
        ...historyFeeds,
        'user ids': { data: toInt64(user), shape: [size] },
        'profile values': categoricalFeed(profile, users),
        target: { data: toInt64(targets), shape: [size] },
        weight: { data: weight, shape: [size] },
      },
      rows: { user: this.#users.ids, item, history },
    };
  }

  #candidateFeeds(candidates: Int32Array): { feeds: Batch['feeds']; rows: Int32Array } {
    const { items, itemFeatures, itemTags } = this.#data;
    const count = candidates.length;
    this.#items.clear();
    const ids = candidates.map((id) =>
      this.#items.add(this.#chance(this.#config.unknownItemShare) ? items : id),
    );
    const logQ = Float32Array.from(
      candidates,
      (id) => this.#config.logQ * (this.#sampler.logQ[id] as number),
    );
    return {
      feeds: {
        'item ids': { data: toInt64(ids), shape: [count] },
        'feature values': categoricalFeed(itemFeatures, candidates),
        'tag ids': bagFeed(itemTags, candidates, this.tagsLength),
        logQ: { data: logQ, shape: [count] },
      },
      rows: this.#items.ids,
    };
  }

  #historyFeeds(examples: Int32Array): { feeds: Batch['feeds']; rows: Int32Array } {
    const { train, items } = this.#data;
    const { historyLength } = this.#config;
    const distinct = this.#history;
    distinct.clear();
    // Padding looks up the last row, so there must be one even if no example of the batch has a history.
    distinct.add(items);
    const ids = padded({ offsets: train.historyOffsets, ids: train.history }, examples, historyLength);
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as number;
      if (id >= 0) ids[i] = distinct.add(id);
    }
    const feed = { data: toInt64(ids), shape: [examples.length, historyLength] };
    return { feeds: { 'history ids': feed }, rows: distinct.ids };
  }

  #chance(share: number): boolean {
    return share > 0 && this.#random.uniform() < share;
  }
}

/** Length of the longest bag, at least 1. */
export function longest({ offsets }: Bags): number {
  let length = 1;
  for (let i = 1; i < offsets.length; i++) {
    length = Math.max(length, (offsets[i] as number) - (offsets[i - 1] as number));
  }
  return length;
}

/** The bags of some rows as a matrix [rows.length, length]: cut, or filled up with -1. */
function padded({ offsets, ids }: Bags, rows: Int32Array, length: number): Int32Array {
  const matrix = new Int32Array(rows.length * length).fill(-1);
  for (let i = 0; i < rows.length; i++) {
    const start = offsets[rows[i] as number] as number;
    const end = Math.min(offsets[(rows[i] as number) + 1] as number, start + length);
    matrix.set(ids.subarray(start, end), i * length);
  }
  return matrix;
}

export function bagFeed(bags: Bags, rows: Int32Array, length: number): Feed {
  return { data: toInt64(padded(bags, rows, length)), shape: [rows.length, length] };
}

/** The values of some rows: [rows.length, features]. */
export function categoricalFeed({ cardinalities, values }: Categoricals, rows: Int32Array): Feed {
  const columns = cardinalities.length;
  const chosen = new Int32Array(rows.length * columns);
  for (let i = 0; i < rows.length; i++) {
    const start = (rows[i] as number) * columns;
    chosen.set(values.subarray(start, start + columns), i * columns);
  }
  return { data: toInt64(chosen), shape: [rows.length, columns] };
}
