import { modelModules, type ScoreParts } from '#models';
import { type Clock, RetryableError } from '#platform';
import type { DataFiles } from '#storage';
import { ModelThread, type Named } from '../inference/model-thread.ts';
import type { VersionLineage } from './lineage.ts';
import type { ExplainingAnswers, ExplainingReady, ExplainingThreadData, ScoreQuery } from './version-main.ts';

type Opened = { readonly version: string; readonly thread: ModelThread<ExplainingAnswers, ExplainingReady> };

type Environment = DataFiles & { readonly clock: Clock };

/** Explanations that may wait for one another. */
const MOST_WAITING = 16;
/** A thread ends after this long without a request: it holds a model in memory. */
const IDLE_MS = 60_000;

const NAMED: Named = {
  model: 'The model to be explained',
  thread: 'The thread that explains a model',
  hint: 'Ask again; the version that answers is not affected.',
};

/**
 * Explains scores of any version whose files are there, in a thread beside those that answer: one version at a time, kept for
 * a minute for the next question.
 */
export class VersionExplainer {
  readonly #environment: Environment;
  #opened: Opened | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #idle = new AbortController();

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /**
   * `queryOf` gets what the version reads. Errors: RetryableError MR_EXPLAIN_BUSY where too many wait; those of openVersion
   * and of the model, as FatalError; those of `queryOf`.
   */
  async explain(
    version: Pick<VersionLineage, 'version' | 'directory' | 'role'>,
    queryOf: (reads: ExplainingReady) => Promise<ScoreQuery>,
  ): Promise<ScoreParts | null> {
    if (this.#waiting >= MOST_WAITING) throw busy();
    this.#waiting++;
    const turn = this.#last.then(async () => {
      const thread = await this.#open(version);
      return thread.call('explain', await queryOf(thread.ready));
    });
    this.#last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.#waiting--;
      this.#closeWhenIdle();
    }
  }

  async close(): Promise<void> {
    this.#idle.abort();
    await this.#last;
    await this.#end();
  }

  async #open({
    version,
    directory,
    role,
  }: Pick<VersionLineage, 'version' | 'directory' | 'role'>): Promise<Opened['thread']> {
    if (this.#opened?.version === version) return this.#opened.thread;
    await this.#end();
    const entry = new URL('./version-main.ts', import.meta.url);
    const { dataDirectory, files } = this.#environment;
    await files?.bring(directory);
    const input: ExplainingThreadData = { dataDirectory, directory, role, modules: modelModules() };
    const thread = await ModelThread.start<ExplainingAnswers, ExplainingReady>(entry, { input }, NAMED);
    const opened = { version, thread };
    this.#opened = opened;
    void thread.died.then(() => {
      if (this.#opened === opened) this.#opened = undefined;
    });
    return thread;
  }

  async #end(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    await opened?.thread.close();
  }

  #closeWhenIdle(): void {
    this.#idle.abort();
    const idle = new AbortController();
    this.#idle = idle;
    void this.#environment.clock.sleep(IDLE_MS, idle.signal).then(() => {
      if (idle.signal.aborted) return;
      this.#last = this.#last.then(() => this.#end());
    });
  }
}

function busy(): RetryableError {
  return new RetryableError('MR_EXPLAIN_BUSY', 'Too many explanations are being made.', {
    hint: 'Ask again in a moment.',
  });
}
