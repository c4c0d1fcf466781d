import { modelModules, type RankerInputs, type RankingQuery } from '#models';
import { InputError } from '#platform';
import { ModelThread } from './model-thread.ts';
import type { RankingAnswers, RankingThreadData } from './ranking-main.ts';

const NAMED = {
  model: 'The model that ranks',
  thread: 'The thread of the model that ranks',
  hint: 'Roll the version back, and publish one that fits: millrace rollback VERSION.',
};

/** A model that ranks in a thread of its own, which scores items request after request. */
export class RankingThread {
  readonly #thread: ModelThread<RankingAnswers, RankerInputs>;

  private constructor(thread: ModelThread<RankingAnswers, RankerInputs>) {
    this.#thread = thread;
  }

  /** FatalError with the model's code when it cannot be loaded, or fails in its probe. */
  static async start(data: Omit<RankingThreadData, 'modules'>): Promise<RankingThread> {
    const entry = new URL('./ranking-main.ts', import.meta.url);
    const input: RankingThreadData = { ...data, modules: modelModules() };
    return new RankingThread(await ModelThread.start<RankingAnswers, RankerInputs>(entry, input, NAMED));
  }

  /** What it reads. */
  get inputs(): RankerInputs {
    return this.#thread.ready;
  }

  /** Resolves with the reason when the thread ends by itself. */
  get died(): Promise<Error> {
    return this.#thread.died;
  }

  /** A finite score for each item. Rejects with FatalError when the model fails over them, or the thread has ended. */
  async score(query: RankingQuery): Promise<Float64Array> {
    const scores = await this.#thread.call('score', query);
    const wrong = scores.find((score) => !Number.isFinite(score));
    if (wrong === undefined) return scores;
    throw this.#thread.failure(new InputError('MR_MODEL_PROBE', `it scores an item with ${wrong}`));
  }

  /** Answers what was asked, then ends the thread. */
  close(): Promise<void> {
    return this.#thread.close();
  }
}
