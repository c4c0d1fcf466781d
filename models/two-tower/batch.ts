import { type Feed, toInt64 } from '../graph/session.ts';
import { DistinctIds } from '../optimise/distinct-ids.ts';
import type { Random } from '../random.ts';
import { BlockColumns, type Blocks, packBlocks } from './blocks.ts';
import { CandidateSampler } from './candidates.ts';
import type { TwoTowerConfig } from './config.ts';
import { type Bags, type Categoricals, historyOf, type TwoTowerData, type Vectors } from './data.ts';
import type { TableName } from './parameters.ts';

/** The rows of the tables that a step reads: ids in the feed are positions in these lists. */
export type StepRows = ReadonlyMap<TableName, Int32Array>;
export type Batch = { readonly feeds: Readonly<Record<string, Feed>>; readonly rows: StepRows };

/** N-grams of a title that are looked at; words come before parts of words. */
const LONGEST_TITLE = 32;

/** Turns blocks of examples into the feed of one training step. */
export class BatchBuilder {
  readonly blocks: Blocks;
  /** Blocks a step. */
  readonly blocksAtOnce: number;
  /** Rows of a step, those that fill up blocks included. */
  readonly batchSize: number;
  readonly candidates: number;
  /** Tags of an item, and n-grams of its title, that are looked at. */
  readonly tagsLength: number;
  readonly titleLength: number;
  readonly #data: TwoTowerData;
  readonly #config: TwoTowerConfig;
  readonly #random: Random;
  readonly #sampler: CandidateSampler;
  readonly #block: BlockColumns;
  readonly #users: DistinctIds;
  readonly #items: DistinctIds;
  readonly #history: DistinctIds;
  readonly #titles: DistinctIds | undefined;

  constructor(data: TwoTowerData, config: TwoTowerConfig, random: Random) {
    const { train, items, users, itemTitles } = data;
    this.blocks = packBlocks(train, { items, ...config }, random);
    const { rows, columns, starts } = this.blocks;
    this.blocksAtOnce = Math.min(Math.ceil(config.batchSize / rows), starts.length - 1);
    this.batchSize = this.blocksAtOnce * rows;
    this.#sampler = new CandidateSampler(train.item, items, this.batchSize, config.candidates, random);
    this.candidates = this.#sampler.count;
    this.tagsLength = longest(data.itemTags);
    this.titleLength = itemTitles === undefined ? 1 : Math.min(LONGEST_TITLE, longest(itemTitles));
    this.#data = data;
    this.#config = config;
    this.#random = random;
    this.#block = new BlockColumns(items, rows, columns);
    this.#users = new DistinctIds(users);
    this.#items = new DistinctIds(items + 1);
    this.#history = new DistinctIds(items + 1);
    this.#titles = itemTitles && new DistinctIds(Math.max(1, itemTitles.cardinality));
  }

  /** From at most `blocksAtOnce` blocks; what is missing is filled up with the first example, at weight 0. */
  build(blocks: Int32Array): Batch {
    const { train, profile } = this.#data;
    const examples = this.#examplesOf(blocks);
    const isFilled = (row: number) => (examples[row] as number) < 0;
    const first = examples[0] as number;
    const source = examples.map((example) => (example < 0 ? first : example));
    const users = source.map((example) => train.user[example] as number);
    const targets = new Int32Array(source.length);
    const candidates = this.#sampler.draw(
      source.map((example) => train.item[example] as number),
      targets,
    );
    const weight = Float32Array.from(source, (example, row) =>
      isFilled(row) ? 0 : (train.weight[example] as number),
    );
    this.#users.clear();
    const user = users.map((id) => this.#users.add(this.#chance(this.#config.unknownUserShare) ? 0 : id));
    const size = [source.length];
    const feeds = {
      ...this.#candidateFeeds(candidates),
      ...this.#historyFeeds(examples),
      ...this.#contextFeeds(source),
      'user ids': { data: toInt64(user), shape: size },
      'profile values': categoricalFeed(profile, users),
      target: { data: toInt64(targets), shape: size },
      weight: { data: weight, shape: size },
    };
    const rows = new Map<TableName, Int32Array>([
      ['user', this.#users.ids],
      ['item', this.#items.ids],
      ['history', this.#history.ids],
    ]);
    if (this.#titles !== undefined) rows.set('title', this.#titles.ids);
    return { feeds, rows };
  }

  /** The examples of the blocks, each block filled up to its number of rows with -1. */
  #examplesOf(blocks: Int32Array): Int32Array {
    const { rows, examples, starts } = this.blocks;
    const chosen = new Int32Array(this.batchSize).fill(-1);
    blocks.forEach((block, i) => {
      chosen.set(examples.subarray(starts[block], starts[block + 1]), i * rows);
    });
    return chosen;
  }

  #candidateFeeds(candidates: Int32Array): Batch['feeds'] {
    const { items, itemFeatures, itemTags, itemTitles, itemTexts } = this.#data;
    const shape = [candidates.length];
    this.#items.clear();
    const ids = candidates.map((id) =>
      this.#items.add(this.#chance(this.#config.unknownItemShare) ? items : id),
    );
    const logQ = Float32Array.from(
      candidates,
      (id) => this.#config.logQ * (this.#sampler.logQ[id] as number),
    );
    const feeds = {
      'item ids': { data: toInt64(ids), shape },
      'feature values': categoricalFeed(itemFeatures, candidates),
      'tag ids': bagFeed(itemTags, candidates, this.tagsLength),
      logQ: { data: logQ, shape },
      ...(itemTexts && { 'text vectors': vectorFeed(itemTexts, candidates) }),
    };
    if (itemTitles === undefined || this.#titles === undefined) return feeds;
    const grams = padded(itemTitles, candidates, this.titleLength);
    const titleIds = { data: toInt64(within(this.#titles, grams, 0)), shape: [...shape, this.titleLength] };
    return { ...feeds, 'title ids': titleIds };
  }

  #historyFeeds(examples: Int32Array): Batch['feeds'] {
    const { train, items } = this.#data;
    const { rows, columns } = this.blocks;
    const count = this.blocksAtOnce;
    const ids = new Int32Array(count * columns).fill(-1);
    const places = new Int32Array(count * rows * columns);
    const block = this.#block;
    for (let b = 0; b < count; b++) {
      block.clear();
      for (let row = 0; row < rows; row++) {
        const example = examples[b * rows + row] as number;
        if (example >= 0) block.add(row, historyOf(train, example, this.#config.historyLength));
      }
      ids.set(block.ids.subarray(0, block.size), b * columns);
      places.set(block.places, b * rows * columns);
    }
    return {
      'history columns': { data: toInt64(within(this.#history, ids, items)), shape: [count, columns] },
      'history places': { data: toInt64(places), shape: [count, rows, columns] },
    };
  }

  #contextFeeds(examples: Int32Array): Batch['feeds'] {
    const { context } = this.#data.train;
    if (context === undefined) return {};
    const feed = categoricalFeed(context, examples);
    for (let i = 0; i < feed.data.length; i++) {
      if (this.#chance(this.#config.unknownContextShare)) feed.data[i] = 0n;
    }
    return { 'context values': feed };
  }

  #chance(share: number): boolean {
    return share > 0 && this.#random.uniform() < share;
  }
}

/**
 * Ids as positions among the distinct ones, which are gathered again; -1 stays. Padding looks up the last row, so there
 * must be one even where all is padding: `atLeast` is always among them.
 */
function within(distinct: DistinctIds, ids: Int32Array, atLeast: number): Int32Array {
  distinct.clear();
  distinct.add(atLeast);
  return ids.map((id) => (id < 0 ? id : distinct.add(id)));
}

/** Length of the longest bag, at least 1. */
function longest({ offsets }: Bags): number {
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

/** The vectors of some rows: [rows.length, width]. */
export function vectorFeed({ width, values }: Vectors, rows: Int32Array): Feed {
  const chosen = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    chosen.set(values.subarray(row * width, (row + 1) * width), i * width);
  });
  return { data: chosen, shape: [rows.length, width] };
}

/** The values of some rows: [rows.length, features]. */
export function categoricalFeed({ cardinalities, values }: Categoricals, rows: Int32Array): Feed {
  const columns = cardinalities.length;
  const chosen = new Int32Array(rows.length * columns);
  for (let i = 0; i < rows.length; i++) {
    const start = (rows[i] as number) * columns;
    for (let c = 0; c < columns; c++) chosen[i * columns + c] = values[start + c] as number;
  }
  return { data: toInt64(chosen), shape: [rows.length, columns] };
}
