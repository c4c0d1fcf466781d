import { modelModules, type RankerInputs, type RankingQuery } from '#models';
import { InputError } from '#platform';
import { ModelThread, type Named } from './model-thread.ts';
import { QueryPacker } from './packed-queries.ts';
import type { RankingAnswers, RankingThreadData } from './ranking-main.ts';

export const NAMED: Named = {
  model: 'The model that ranks',
  thread: 'The thread of the model that ranks',
  hint: 'Roll the version back, and publish one that fits: millrace rollback VERSION.',
};

/** Items of requests that go together: a network takes as long for more of them as for one request after another. */
const MOST_ITEMS = 256;

type Waiting = {
  readonly query: RankingQuery;
  resolve(scores: Float64Array): void;
  reject(error: unknown): void;
};

/**
 * A model that ranks in a thread of its own. Requests that come while it computes go there together, up to some hundreds of
 * items; their columns lie in memory that both threads see.
 */
export class RankingThread {
  readonly #thread: ModelThread<RankingAnswers, RankerInputs>;
  readonly #packer = new QueryPacker();
  readonly #waiting: Waiting[] = [];
  /** While items are scored. */
  #running: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(thread: ModelThread<RankingAnswers, RankerInputs>) {
    this.#thread = thread;
  }

  /** FatalError with the model's code when it cannot be loaded, or fails in its probe. */
  static async start(version: Omit<RankingThreadData, 'modules'>): Promise<RankingThread> {
    const entry = new URL('./ranking-main.ts', import.meta.url);
    const input: RankingThreadData = { ...version, modules: modelModules() };
    return new RankingThread(await ModelThread.start<RankingAnswers, RankerInputs>(entry, { input }, NAMED));
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
  score(query: RankingQuery): Promise<Float64Array> {
    if (this.#closed !== undefined) return Promise.reject(this.#thread.ended());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ query, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Answers what was asked, then ends the thread. */
  close(): Promise<void> {
    this.#closed ??= Promise.resolve(this.#running).then(() => this.#thread.close());
    return this.#closed;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) await this.#answer(this.#takeBatch());
    this.#running = undefined;
  }

  #takeBatch(): readonly Waiting[] {
    let items = 0;
    const end = this.#waiting.findIndex(({ query }, place) => {
      items += query.items.length;
      return place > 0 && items > MOST_ITEMS;
    });
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }

  async #answer(batch: readonly Waiting[]): Promise<void> {
    try {
      const all = await this.#thread.call('score', this.#packer.pack(batch.map(({ query }) => query)));
      let at = 0;
      for (const { query, resolve, reject } of batch) {
        const scores = all.subarray(at, at + query.items.length);
        at += query.items.length;
        try {
          resolve(finite(scores));
        } catch (error) {
          reject(this.#thread.failure(error));
        }
      }
    } catch (error) {
      if (batch.length === 1) return batch[0]?.reject(error);
      // One of them is to blame, and the others are not.
      for (const each of batch) await this.#answer([each]);
    }
  }
}

/** Errors: InputError MR_MODEL_PROBE for a score that is not finite. */
export function finite(scores: Float64Array): Float64Array {
  const wrong = scores.find((score) => !Number.isFinite(score));
  if (wrong !== undefined) throw new InputError('MR_MODEL_PROBE', `it scores an item with ${wrong}`);
  return scores;
}
