/** What a training thread and its parent say to each other. */
import type { TrainingProgress } from '#models';
import {
  ConfigurationError,
  FatalError,
  InputError,
  InvariantError,
  MillraceError,
  type Remedy,
  RetryableError,
} from '#platform';
import type { InForce, TrainedModel, TrainedVersion } from './version-training.ts';

export type ThreadOrder =
  | { readonly kind: 'train' }
  | { readonly kind: 'evaluate'; readonly inForce: InForce | undefined }
  /** Gives up the training under way. */
  | { readonly kind: 'stop' }
  | { readonly kind: 'end' };

export type ThreadReport =
  | { readonly kind: 'progress'; readonly progress: TrainingProgress }
  | { readonly kind: 'epoch'; readonly epoch: number; readonly step: number; readonly values: EpochValues }
  | { readonly kind: 'trained'; readonly trained: TrainedModel }
  | { readonly kind: 'evaluated'; readonly result: TrainedVersion }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** Mean loss of an epoch, and what validation gives. */
export type EpochValues = Readonly<Record<string, number>>;

/** An error as it crosses threads, where classes are lost. */
export type Failure = {
  readonly remedy: Remedy | undefined;
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
  readonly stack: string | undefined;
};

export function toFailure(error: unknown): Failure {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (!(error instanceof MillraceError))
    return { remedy: undefined, code: '', message, hint: undefined, stack };
  return { remedy: error.remedy, code: error.code, message, hint: error.hint, stack };
}

export function toError({ remedy, code, message, hint, stack }: Failure): Error {
  const details = hint === undefined ? {} : { hint };
  const error = errorOf();
  if (stack !== undefined) error.stack = stack;
  return error;

  function errorOf(): Error {
    if (code === 'MR_INVARIANT') return new InvariantError(message);
    if (remedy === 'retry') return new RetryableError(code, message, details);
    if (remedy === 'give-up') return new FatalError(code, message, details);
    if (remedy === 'fix-input') return new InputError(code, message, details);
    if (remedy === 'fix-configuration') return new ConfigurationError(code, message, details);
    return new Error(message);
  }
}
