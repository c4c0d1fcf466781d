import { type BackoffOptions, backoffMs, type Clock, invariant, RetryableError } from '#platform';

/** What a step came to. */
export type StepOutcome = 'succeeded' | 'failed' | 'skipped';

/** A step of a pipeline. `R` is what it hands to whoever records its end. */
export type Step<R> = {
  /** Unique within the graph. */
  readonly name: string;
  /** Steps that must have succeeded before. */
  readonly after: readonly string[];
  /** Looked at when those have: why the step, and all after it, is skipped; undefined where nothing speaks against it. */
  readonly unless?: () => Promise<R | undefined>;
  readonly work: () => Promise<R>;
  /** Ends the waiting between attempts; the step then fails with its reason. */
  readonly signal: AbortSignal;
  /** Attempts that were made before, by a process that has ended. */
  readonly attemptsBefore: number;
};

export type StepEvent<R> =
  | { readonly kind: 'started'; readonly attempt: number }
  | { readonly kind: 'succeeded'; readonly attempt: number; readonly result: R }
  | { readonly kind: 'retrying'; readonly attempt: number; readonly error: unknown; readonly inMs: number }
  | { readonly kind: 'failed'; readonly attempt: number; readonly error: unknown }
  /** By its own condition, or because a step before it was skipped or failed: then without a reason. */
  | { readonly kind: 'skipped'; readonly reason: R | undefined };

export type RetryPolicy = BackoffOptions & {
  /** How often a step is tried again after an error that may pass. */
  readonly retries: number;
};

export type GraphOptions<R> = {
  readonly clock: Clock;
  readonly retry: RetryPolicy;
  /** Ends all of it: nothing is recorded any more, and the promise rejects with the reason. */
  readonly signal: AbortSignal;
  /** Errors that are no step's own: they end the graph. */
  readonly isFault?: (error: unknown) => boolean;
  /** Errors that pass by their class, and yet not by trying again a moment later. */
  readonly isLasting?: (error: unknown) => boolean;
  /** Records what happens; a step goes on when that is done. What it throws ends the graph. */
  readonly record: (step: Step<R>, event: StepEvent<R>) => Promise<void>;
};

/**
 * Runs a graph of steps: each as soon as those before it have succeeded, so that steps which do not depend on each other
 * run side by side. Transient errors are retried with back-off. A failed or skipped step takes with it the steps that
 * depend on it and no others.
 */
export async function runGraph<R>(steps: readonly Step<R>[], options: GraphOptions<R>): Promise<void> {
  const { clock, retry, signal, record } = options;
  const outcomes = new Map<string, Promise<StepOutcome>>();
  for (const step of steps) {
    const before = step.after.map((name) => {
      const outcome = outcomes.get(name);
      invariant(outcome !== undefined, `step ${step.name} comes before ${name}, which it needs`);
      return outcome;
    });
    outcomes.set(step.name, run(step, before));
  }
  const ended = await Promise.allSettled(outcomes.values());
  signal.throwIfAborted();
  for (const each of ended) if (each.status === 'rejected') throw each.reason;

  async function run(step: Step<R>, before: readonly Promise<StepOutcome>[]): Promise<StepOutcome> {
    const met = await Promise.all(before);
    signal.throwIfAborted();
    if (met.some((outcome) => outcome !== 'succeeded')) return skip(step, undefined);
    const reason = await step.unless?.();
    signal.throwIfAborted();
    if (reason !== undefined) return skip(step, reason);
    for (let retried = 0; ; retried++) {
      const attempt = step.attemptsBefore + retried + 1;
      await record(step, { kind: 'started', attempt });
      const failure = await attempted(step, attempt);
      if (failure === undefined) return 'succeeded';
      const { error } = failure;
      signal.throwIfAborted();
      if (step.signal.aborted || retried >= retry.retries || !mayPass(error)) {
        await record(step, { kind: 'failed', attempt, error });
        return 'failed';
      }
      const inMs = backoffMs(retry, retried + 1);
      await record(step, { kind: 'retrying', attempt, error, inMs });
      await clock.sleep(inMs, AbortSignal.any([signal, step.signal]));
      signal.throwIfAborted();
    }
  }

  function mayPass(error: unknown): boolean {
    return error instanceof RetryableError && options.isLasting?.(error) !== true;
  }

  /** The error that it failed with, whatever was thrown; undefined where it has succeeded. */
  async function attempted(step: Step<R>, attempt: number): Promise<{ readonly error: unknown } | undefined> {
    let result: R;
    try {
      step.signal.throwIfAborted();
      result = await step.work();
    } catch (error) {
      if (step.signal.aborted) return { error: step.signal.reason };
      if (options.isFault?.(error)) throw error;
      return { error };
    }
    signal.throwIfAborted();
    await record(step, { kind: 'succeeded', attempt, result });
    return undefined;
  }

  async function skip(step: Step<R>, reason: R | undefined): Promise<StepOutcome> {
    await record(step, { kind: 'skipped', reason });
    return 'skipped';
  }
}
