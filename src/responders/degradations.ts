import {
  ConfigurationError,
  type Counter,
  type FatalError,
  type Logger,
  type Metrics,
  RetryableError,
} from '#platform';

/** What answers went without, counted by error code. */
export class DegradedAnswers {
  readonly #counter: Counter<'reason'>;

  constructor(metrics: Metrics) {
    const help = "Answers made without the version, the ranker, time or the user's rows, by error code.";
    this.#counter = metrics.counter('recommend_degraded_total', help, ['reason']);
  }

  begin(): Degradations {
    return new Degradations(this.#counter);
  }
}

type Failure = { readonly logger: Logger; readonly about: object; readonly message: string };

/** What one answer went without. */
export class Degradations {
  readonly #counter: Counter<'reason'>;
  #first: string | null = null;

  constructor(counter: Counter<'reason'>) {
    this.#counter = counter;
  }

  /** The code of the first thing that was missing; null where nothing was. */
  get first(): string | null {
    return this.#first;
  }

  note(code: string): void {
    this.#counter.inc({ reason: code });
    this.#first ??= code;
  }

  /** Notes what failed, and logs it: all but a dead thread, which its version reports once. */
  noteFailure(err: FatalError, { logger, about, message }: Failure): void {
    this.note(err.code);
    if (err.code !== 'MR_INFERENCE_ENDED') logger.error({ err, ...about }, message);
  }
}

/** The answer was cut short at its deadline. */
export const OUT_OF_TIME = 'MR_RECOMMEND_DEADLINE';

/** No version exists, or none can be loaded. */
export const NO_VERSION = 'MR_RECOMMEND_NO_VERSION';

/** Concerns rows outside of this process: their server is unavailable, refuses, or does not hold all of them yet. */
export function isAway(error: unknown): error is RetryableError | ConfigurationError {
  return error instanceof RetryableError || error instanceof ConfigurationError;
}
