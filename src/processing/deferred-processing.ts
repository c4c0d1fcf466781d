import type {
  EngineReport,
  QueryOptions,
  Rows,
  StoreAnswer,
  StoreQuery,
  StoreSummary,
  TaskRead,
} from '#engine';
import { type MetricValues, RetryableError } from '#platform';
import type { Processing } from './processing.ts';

/** What processing waits for, and how who asks meanwhile learns when it is over. */
const DELAYS = {
  'carry-over': {
    why: 'The state of an earlier release is being carried over.',
    hint: 'ask again in a moment; metric carry_over_remaining_records says how much is left',
  },
  restore: {
    why: 'The tasks of this process are being assigned and restored.',
    hint: 'ask again in a moment; GET /health/ready says when it is over',
  },
} as const;

/**
 * Processing that begins when `begin` resolves, so that answers are served and events taken meanwhile. Its stores can't
 * be asked until then (MR_QUERY_TASK_MOVING); it is not held up, since a process that is not ready would keep the
 * instances alive that it is to replace.
 */
export class DeferredProcessing implements Processing {
  readonly ended: Promise<void>;
  readonly #beginning: Promise<Processing>;
  readonly #abort = new AbortController();
  readonly #delay: keyof typeof DELAYS;
  #begun: Processing | undefined;

  /** `begin` rejects, or stops what it has begun, when its signal aborts. */
  constructor(delay: keyof typeof DELAYS, begin: (signal: AbortSignal) => Promise<Processing>) {
    this.#delay = delay;
    this.#beginning = begin(this.#abort.signal).then((begun) => {
      this.#begun = begun;
      return begun;
    });
    this.ended = this.#beginning.then(
      ({ ended }) => ended,
      (error) => {
        if (!this.#abort.signal.aborted) throw error;
      },
    );
    // Whoever does not look at it learns of a failure by the next call.
    this.ended.catch(() => {});
  }

  async untilCaughtUp(): Promise<void> {
    await (await this.#beginning).untilCaughtUp();
  }

  async metrics(): Promise<readonly MetricValues[]> {
    return (await this.#begun?.metrics()) ?? [];
  }

  async digests(): Promise<Readonly<Record<string, string>>> {
    return (await this.#beginning).digests();
  }

  async report(): Promise<readonly EngineReport[]> {
    return (await this.#begun?.report()) ?? [];
  }

  get heldUp(): string | undefined {
    return this.#begun?.heldUp;
  }

  stores(): readonly StoreSummary[] {
    return this.#begun?.stores() ?? [];
  }

  async query(store: string, query: StoreQuery, options?: QueryOptions): Promise<StoreAnswer> {
    return this.#require().query(store, query, options);
  }

  async readHere(read: TaskRead): Promise<Rows> {
    return this.#require().readHere(read);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    const begun = await this.#beginning.catch(() => undefined);
    await begun?.stop();
  }

  #require(): Processing {
    if (this.#begun !== undefined) return this.#begun;
    const { why, hint } = DELAYS[this.#delay];
    throw new RetryableError('MR_QUERY_TASK_MOVING', why, { hint });
  }
}
