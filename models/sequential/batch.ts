import type { Json } from '../checkpoint.ts';
import { type Feed, toInt64 } from '../graph/session.ts';
import type { Random } from '../random.ts';
import type { SequentialConfig } from './config.ts';
import type { SequentialData } from './data.ts';
import { cutWindows, packWindows, positionsOf, type Window } from './packing.ts';
import { rowsOfShard, type Shard } from './shard.ts';

/** The shards of all steps, one after another, for ever: which windows a step has follows from the random state alone. */
export class Batches {
  readonly stepsPerEpoch: number;
  readonly #data: SequentialData;
  readonly #config: SequentialConfig;
  readonly #random: Random;
  /** As the epoch began: what it was made from, for checkpoints. */
  #start: { readonly random: readonly number[]; readonly left: readonly Window[] };
  #left: readonly Window[] = [];
  #rows: readonly (readonly Window[])[] = [];
  #step = 0;

  constructor(data: SequentialData, config: SequentialConfig, random: Random) {
    this.#data = data;
    this.#config = config;
    this.#random = random;
    this.#start = { random: random.save(), left: [] };
    this.stepsPerEpoch = Math.ceil(positionsOf(data.histories) / (config.batchRows * config.historyLength));
  }

  /** Shards of the next step, except empty ones. */
  next(): Shard[] {
    const { stepsPerEpoch } = this;
    const inEpoch = this.#step % stepsPerEpoch;
    if (inEpoch === 0) {
      this.#start = { random: this.#random.save(), left: this.#left };
      this.#beginEpoch();
    }
    const { batchRows, shards } = this.#config;
    const rows = this.#rows.slice(inEpoch * batchRows, (inEpoch + 1) * batchRows);
    const positions = positionsIn(rows);
    const size = rowsOfShard(this.#config);
    const filled: Shard[] = [];
    for (let i = 0; i * size < batchRows; i++) {
      const own = rows.slice(i * size, (i + 1) * size);
      const part = positionsIn(own) / positions;
      if (part > 0) filled.push({ sequences: this.#sequences(own), part, number: this.#step * shards + i });
    }
    this.#step++;
    return filled;
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
    const { historyLength: length } = this.#config;
    const { offsets, ids } = this.#data.histories;
    const shape = [rowsOfShard(this.#config), length];
    const size = rowsOfShard(this.#config) * length;
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
    return {
      'item ids': { data: toInt64(items), shape },
      'position ids': { data: toInt64(positions), shape },
      segments: { data: toInt64(segments), shape },
      targets: { data: toInt64(targets), shape: [size] },
      weight: { data: weight, shape: [size] },
    };
  }
}

function positionsIn(rows: readonly (readonly Window[])[]): number {
  return rows.flat().reduce((positions, { start, end }) => positions + end - start, 0);
}

function shuffled<T>(values: readonly T[], random: Random): T[] {
  const order = Int32Array.from(values, (_, i) => i);
  random.shuffle(order);
  return Array.from(order, (i) => values[i] as T);
}
