import type { FeatureValues } from '#models';
import { InputError } from '#platform';
import { ModelThread } from './model-thread.ts';
import type { RankingAnswers, RankingThreadData } from './ranking-main.ts';

const NAMED = {
  model: 'The model that ranks',
  thread: 'The thread of the model that ranks',
  hint: 'Roll the version back, and publish one that fits: millrace rollback VERSION.',
};

/** A model from outside in a thread of its own, which scores rows of features request after request. */
export class RankingThread {
  readonly #thread: ModelThread<RankingAnswers, void>;

  private constructor(thread: ModelThread<RankingAnswers, void>) {
    this.#thread = thread;
  }

  /** FatalError with the model's code when it cannot be loaded, or fails in its probe. */
  static async start(data: RankingThreadData): Promise<RankingThread> {
    const entry = new URL('./ranking-main.ts', import.meta.url);
    return new RankingThread(await ModelThread.start<RankingAnswers>(entry, data, NAMED));
  }

  /** Resolves with the reason when the thread ends by itself. */
  get died(): Promise<Error> {
    return this.#thread.died;
  }

  /** A finite score for each row. Rejects with FatalError when the model fails over them, or the thread has ended. */
  async score(rows: readonly FeatureValues[]): Promise<Float64Array> {
    const scores = await this.#thread.call('score', rows);
    const wrong = scores.find((score) => !Number.isFinite(score));
    if (wrong === undefined) return scores;
    throw this.#thread.failure(new InputError('MR_MODEL_PROBE', `it scores an item with ${wrong}`));
  }

  /** Answers what was asked, then ends the thread. */
  close(): Promise<void> {
    return this.#thread.close();
  }
}
