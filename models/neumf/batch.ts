import { type Feed, toInt64 } from '../graph/session.ts';
import { DistinctIds } from '../optimise/distinct-ids.ts';
import type { Random } from '../random.ts';
import type { NeuMfConfig } from './config.ts';
import type { NeuMfData } from './data.ts';
import { NegativeSampler } from './negatives.ts';

/** Ids in the feed are positions in `users` and `items`, the rows of the tables that a step reads. */
export type Batch = {
  readonly feeds: Readonly<Record<string, Feed>>;
  readonly users: Int32Array;
  readonly items: Int32Array;
};

/** The pairs in the order of this epoch, step after step; negatives are drawn when their step comes. */
export class Batches {
  readonly stepsPerEpoch: number;
  /** Pairs of a step, those that fill up the last one included. */
  readonly rows: number;
  /** Pairs in the order of this epoch. */
  readonly order: Int32Array;
  readonly sampler: NegativeSampler;
  readonly #data: NeuMfData;
  readonly #config: NeuMfConfig;
  readonly #random: Random;
  readonly #users: DistinctIds;
  readonly #items: DistinctIds;

  constructor(data: NeuMfData, config: NeuMfConfig, random: Random) {
    this.#data = data;
    this.#config = config;
    this.#random = random;
    this.sampler = new NegativeSampler(data);
    const pairs = data.train.user.length;
    this.order = Int32Array.from({ length: pairs }, (_, pair) => pair);
    this.rows = Math.min(config.batchSize, pairs);
    this.stepsPerEpoch = Math.ceil(pairs / this.rows);
    this.#users = new DistinctIds(data.users + 1);
    this.#items = new DistinctIds(data.items + 1);
  }

  /** The batch of a step in its epoch, from 0; steps must come in their order. */
  build(step: number): Batch {
    if (step === 0) this.#random.shuffle(this.order);
    const { rows } = this;
    const { train } = this.#data;
    const each = 1 + this.#config.negatives;
    const users = new Int32Array(rows);
    const items = new Int32Array(rows * each);
    const weight = new Float32Array(rows * each);
    this.#users.clear();
    this.#items.clear();
    for (let row = 0; row < rows; row++) {
      const at = step * rows + row;
      const pair = this.order[at % this.order.length] as number;
      const user = train.user[pair] as number;
      users[row] = this.#users.add(this.#known(user, this.#data.users));
      const taken = train.item[pair] as number;
      for (let i = 0; i < each; i++) {
        const item = i === 0 ? taken : this.sampler.drawFor(pair, this.#random);
        items[row * each + i] = this.#items.add(this.#known(item ?? taken, this.#data.items));
        // What fills up the last step, and the place of a negative that cannot be drawn, counts nothing.
        const counts = at < this.order.length && item !== undefined;
        weight[row * each + i] = counts ? (i === 0 ? (train.weight?.[pair] ?? 1) : 1) : 0;
      }
    }
    return {
      feeds: {
        'user ids': { data: toInt64(users), shape: [rows] },
        'item ids': { data: toInt64(items), shape: [rows, each] },
        weight: { data: weight, shape: [rows, each] },
      },
      users: this.#users.ids,
      items: this.#items.ids,
    };
  }

  #known(id: number, unknown: number): number {
    const { unknownShare } = this.#config;
    return unknownShare > 0 && this.#random.uniform() < unknownShare ? unknown : id;
  }
}
