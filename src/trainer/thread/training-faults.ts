/** Faults of the machine in the midst of a training, told from those of its input. */
import type { Training } from '#models';
import { errorCode, FatalError, RetryableError } from '#platform';

/**
 * A training whose updates fail as MR_TRAINING_PROVIDER, which may pass, where the runtime gives up on a graph that it has
 * run before: what it is fed has the same shapes at each update.
 */
export function withProviderErrors<R>(training: Training<R>): Training<R> {
  let updates = 0;
  return {
    epochs: training.epochs,
    stepsPerEpoch: training.stepsPerEpoch,
    stepsBefore: training.stepsBefore ?? 0,
    provider: training.provider,
    fallbackReason: training.fallbackReason,
    async step() {
      try {
        const done = await training.step();
        updates++;
        return done;
      } catch (error) {
        if (updates === 0 || errorCode(error) !== 'MR_MODEL_INPUT') throw error;
        throw providerFailed(training.provider, updates, error);
      }
    },
    validate: () => training.validate(),
    save: () => training.save(),
    restore: (checkpoint) => training.restore(checkpoint),
    result: () => training.result(),
    close: () => training.close(),
  };
}

/** What the runtime throws where memory can't be had, as MR_TRAINING_OUT_OF_MEMORY; any other error as it is. */
export function asMemoryError(error: unknown): unknown {
  const isMemory =
    errorCode(error) === 'ERR_WORKER_OUT_OF_MEMORY' ||
    (error instanceof RangeError && /array (buffer|length)|allocation/i.test(error.message)) ||
    (error instanceof Error && /bad_alloc|failed to allocate memory/i.test(error.message));
  if (!isMemory) return error;
  return new FatalError(
    'MR_TRAINING_OUT_OF_MEMORY',
    `The training needs more memory than is available: ${(error as Error).message}`,
    {
      hint: 'Train with a lower training.dimension, on fewer examples, or on a machine with more memory.',
      cause: error,
    },
  );
}

/** What the code of a model throws by itself, as FatalError MR_TRAINING_MODEL; errors with a code as they are. */
export function asModelError(model: string, error: unknown): unknown {
  if (error instanceof Error && errorCode(error) !== undefined) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new FatalError('MR_TRAINING_MODEL', `The model ${model} has failed: ${message}`, {
    hint: 'Fix the code that the stack trace in the log points to.',
    cause: error,
  });
}

function providerFailed(provider: string, updates: number, cause: unknown): RetryableError {
  return new RetryableError(
    'MR_TRAINING_PROVIDER',
    `The provider ${provider} failed after ${updates} updates: ${(cause as Error).message}`,
    {
      hint: 'It is retried from the last checkpoint; if it keeps failing, train with another provider.',
      cause,
    },
  );
}
