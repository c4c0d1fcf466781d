import type { Json } from '../checkpoint.ts';
import { dropoutMask } from '../graph/dropout-mask.ts';
import { type Feed, toInt64 } from '../graph/session.ts';
import type { Random } from '../random.ts';
import type { SequentialConfig } from './config.ts';
import type { SequentialData } from './data.ts';
import { cutWindows, packWindows, positionsOf, type Window } from './packing.ts';

/** Names of the masks of dropout: one after the embeddings, two for each block. */
export const dropoutMasks = ({ layers }: Pick<SequentialConfig, 'layers'>): readonly string[] =>
  Array.from({ length: 1 + 2 * layers }, (_, i) => `kept ${i}`);

/** The feeds of all steps, one after another, for ever: which windows a step has follows from the random state alone. */
export class Batches {
  readonly stepsPerEpoch: number;
  readonly #data: SequentialData;
  readonly #config: SequentialConfig;
  readonly #random: Random;
  readonly #seed: number;
  /** As the epoch began: what it was made from, for checkpoints. */
  #start: { readonly random: readonly number[]; readonly left: readonly Window[] };
  #left: readonly Window[] = [];
  #rows: readonly (readonly Window[])[] = [];
  #step = 0;

  constructor(data: SequentialData, config: SequentialConfig, random: Random, seed: number) {
    this.#data = data;
    this.#config = config;
    this.#random = random;
    this.#seed = seed;
    this.#start = { random: random.save(), left: [] };
    this.stepsPerEpoch = Math.ceil(positionsOf(data.histories) / (config.batchRows * config.historyLength));
  }

  /** Feeds of the next step, all but the parameters. */
  next(): Record<string, Feed> {
    const { stepsPerEpoch } = this;
    const inEpoch = this.#step % stepsPerEpoch;
    if (inEpoch === 0) {
      this.#start = { random: this.#random.save(), left: this.#left };
      this.#beginEpoch();
    }
    const { batchRows } = this.#config;
    const rows = this.#rows.slice(inEpoch * batchRows, (inEpoch + 1) * batchRows);
    const feeds = { ...this.#sequences(rows), ...this.#masks() };
    this.#step++;
    return feeds;
  }

  save(): Json {
    return { step: this.#step, random: [...this.#start.random], left: this.#start.left };
  }

  restore(saved: Json): void {
    const { step, random, left } = saved as { step: number; random: number[]; left: readonly Window[] };
    this.#random.restore(random);
    this.#left = left;
    this.#step = step;
    this.#start = { random, left };
    if (step > 0) this.#beginEpoch();
  }

  /** Windows that find no room wait for the next epoch, where they come first. */
  #beginEpoch(): void {
    const { historyLength, batchRows } = this.#config;
    const windows = shuffled(cutWindows(this.#data.histories, historyLength, this.#random), this.#random);
    const rows = this.stepsPerEpoch * batchRows;
    const { packed, left } = packWindows(windows, rows, historyLength, this.#left);
    this.#rows = shuffled(packed, this.#random);
    this.#left = left;
  }

  #sequences(rows: readonly (readonly Window[])[]): Record<string, Feed> {
    const { historyLength: length, batchRows } = this.#config;
    const { offsets, ids } = this.#data.histories;
    const size = batchRows * length;
    const items = new Int32Array(size);
    const positions = new Int32Array(size);
    const segments = new Int32Array(size).fill(-1);
    const targets = new Int32Array(size);
    const weight = new Float32Array(size);
    rows.forEach((windows, row) => {
      let at = row * length;
      windows.forEach(({ user, start, end }, segment) => {
        const first = offsets[user] as number;
        items.set(ids.subarray(first + start, first + end), at);
        targets.set(ids.subarray(first + start + 1, first + end + 1), at);
        for (let position = 0; position < end - start; position++, at++) {
          positions[at] = position;
          segments[at] = segment;
          weight[at] = 1;
        }
      });
    });
    const shape = [batchRows, length];
    return {
      'item ids': { data: toInt64(items), shape },
      'position ids': { data: toInt64(positions), shape },
      segments: { data: toInt64(segments), shape },
      targets: { data: toInt64(targets), shape: [size] },
      weight: { data: weight, shape: [size] },
    };
  }

  #masks(): Record<string, Feed> {
    const { dropout, batchRows, historyLength, dim } = this.#config;
    const shape = [batchRows, historyLength, dim];
    const names = dropout === 0 ? [] : dropoutMasks(this.#config);
    const masks = names.map((name, i): [string, Feed] => {
      const counter = this.#step * names.length + i;
      return [
        name,
        { data: dropoutMask(batchRows * historyLength * dim, dropout, this.#seed, counter), shape },
      ];
    });
    return Object.fromEntries(masks);
  }
}

function shuffled<T>(values: readonly T[], random: Random): T[] {
  const order = Int32Array.from(values, (_, i) => i);
  random.shuffle(order);
  return Array.from(order, (i) => values[i] as T);
}
