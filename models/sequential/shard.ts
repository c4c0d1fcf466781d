import { dropoutMask } from '../graph/dropout-mask.ts';
import { type Feed, type Provider, Session } from '../graph/session.ts';
import type { Gradients } from '../parallel/gradients.ts';
import type { ShardWorker } from '../parallel/shard-worker.ts';
import type { SequentialConfig } from './config.ts';

/** Some rows of a step's batch. */
export type Shard = {
  readonly sequences: Readonly<Record<string, Feed>>;
  /** This shard's share of the step's positions: the weight of its mean loss in that of the step. */
  readonly part: number;
  /** Unique over all shards of all steps: it seeds the shard's dropout. */
  readonly number: number;
};

export type ShardSetup = {
  /** See `trainingGraph`. */
  readonly graph: Uint8Array;
  readonly provider: Provider | 'auto';
  readonly config: SequentialConfig;
  readonly seed: number;
  /** Weights by name, and the gradients of each shard in the same order; in memory that threads share. */
  readonly weights: Readonly<Record<string, Feed>>;
  readonly gradients: readonly Gradients[];
};

/** Runs the graph on one shard after another: the gradients go to the shard's own memory, and the loss comes back. */
export class ShardSession implements ShardWorker<readonly Shard[], number> {
  readonly session: Session;
  readonly #setup: ShardSetup;

  private constructor(session: Session, setup: ShardSetup) {
    this.session = session;
    this.#setup = setup;
  }

  static async open(setup: ShardSetup): Promise<ShardSession> {
    return new ShardSession(await Session.create(setup.graph, { provider: setup.provider }), setup);
  }

  async compute(shards: readonly Shard[], index: number): Promise<number> {
    const { weights, gradients } = this.#setup;
    const { sequences, part, number } = shards[index] as Shard;
    const outputs = await this.session.run({
      ...weights,
      ...sequences,
      ...this.#masks(number),
      part: { data: Float32Array.of(part), shape: [] },
    });
    Object.keys(weights).forEach((name, i) => {
      gradients[index]?.[i]?.set(outputs[`d ${name}`] as Float32Array);
    });
    return outputs.loss?.[0] as number;
  }

  #masks(shard: number): Record<string, Feed> {
    const { config, seed } = this.#setup;
    const { dropout, historyLength, dim } = config;
    if (dropout === 0) return {};
    const shape = [rowsOfShard(config), historyLength, dim];
    const length = shape.reduce((size, dimension) => size * dimension, 1);
    const names = dropoutMasks(config);
    return Object.fromEntries(
      names.map((name, i) => {
        const data = dropoutMask(length, dropout, seed, shard * names.length + i);
        return [name, { data, shape }];
      }),
    );
  }

  async close(): Promise<void> {
    await this.session.close();
  }
}

/** Rows of a shard, those included that fill up the last one. */
export function rowsOfShard({ batchRows, shards }: Pick<SequentialConfig, 'batchRows' | 'shards'>): number {
  return Math.ceil(batchRows / shards);
}

/** Names of the masks of dropout: one after the embeddings, two for each block. */
export const dropoutMasks = ({ layers }: Pick<SequentialConfig, 'layers'>): readonly string[] =>
  Array.from({ length: 1 + 2 * layers }, (_, i) => `kept ${i}`);
