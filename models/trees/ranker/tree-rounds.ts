import type { Checkpoint } from '../../checkpoint.ts';
import type { Training, TrainingMetrics } from '../../training.ts';
import type { TreeEnsemble } from '../ensemble.ts';

/** What a single tree changes about the order of lists is mostly noise; an epoch must be worth judging. */
const TREES_PER_ROUND = 10;

export const roundsOf = (trees: number): number => Math.ceil(trees / TREES_PER_ROUND);

/** The growth of trees in rounds of ten, an epoch and a step each; the last round may be shorter. */
export class TreeRounds implements Training<TreeEnsemble> {
  readonly epochs: number;
  readonly stepsPerEpoch = 1;
  readonly provider: string;
  readonly fallbackReason: string | undefined;
  readonly #trees: Training<TreeEnsemble>;
  #grown = 0;

  constructor(trees: Training<TreeEnsemble>) {
    this.#trees = trees;
    this.epochs = roundsOf(trees.epochs);
    this.provider = trees.provider;
    this.fallbackReason = trees.fallbackReason;
  }

  async step(): Promise<{ readonly loss: number }> {
    const end = Math.min(this.#grown + TREES_PER_ROUND, this.#trees.epochs);
    let loss = Number.NaN;
    for (; this.#grown < end; this.#grown++) ({ loss } = await this.#trees.step());
    return { loss };
  }

  validate(): Promise<TrainingMetrics | undefined> {
    return this.#trees.validate();
  }

  save(): Checkpoint {
    const { arrays, values } = this.#trees.save();
    return { arrays, values: { grown: this.#grown, trees: values } };
  }

  restore({ arrays, values }: Checkpoint): void {
    const { grown, trees } = values as { grown: number; trees: Checkpoint['values'] };
    this.#trees.restore({ arrays, values: trees });
    this.#grown = grown;
  }

  result(): Promise<TreeEnsemble> {
    return this.#trees.result();
  }

  close(): Promise<void> {
    return this.#trees.close();
  }
}
