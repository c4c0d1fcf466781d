import type { TrainedModel } from '../../model.ts';
import type { Training } from '../../training.ts';
import type { Phase } from './phases.ts';

/**
 * The training of a base model as a phase. Its number of steps is known once it is open, and opening reads all of its data: so
 * it is opened once, and waits for its turn. What waits takes the memory of its weights.
 */
export class BasePhase implements Phase {
  readonly steps: number;
  readonly #open: () => Promise<Training<TrainedModel>>;
  #waiting: Training<TrainedModel> | undefined;

  private constructor(open: () => Promise<Training<TrainedModel>>, waiting: Training<TrainedModel>) {
    this.steps = waiting.epochs * waiting.stepsPerEpoch;
    this.#open = open;
    this.#waiting = waiting;
  }

  /** Opens all of them, one after the other, or none: where one fails, those before it are closed. */
  static async openAll(open: readonly (() => Promise<Training<TrainedModel>>)[]): Promise<BasePhase[]> {
    const phases: BasePhase[] = [];
    try {
      for (const each of open) phases.push(new BasePhase(each, await each()));
      return phases;
    } catch (error) {
      await Promise.all(phases.map((phase) => phase.close()));
      throw error;
    }
  }

  /** Opened afresh where its turn comes again, as after a checkpoint is restored. */
  async open(): Promise<Training<TrainedModel>> {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting ?? this.#open();
  }

  async close(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    await waiting?.close();
  }
}
