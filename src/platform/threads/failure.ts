import type { Remedy } from '../error-declaration.ts';
import {
  ConfigurationError,
  errorCode,
  FatalError,
  InputError,
  InvariantError,
  MillraceError,
  RetryableError,
  relayed,
} from '../errors.ts';

/** An error as it crosses threads, where classes are lost. */
export type Failure = {
  /** Undefined where the error is not one of ours. */
  readonly remedy: Remedy | undefined;
  readonly code: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
  readonly stack: string | undefined;
};

export function toFailure(error: unknown): Failure {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const { remedy, hint } = error instanceof MillraceError ? error : { remedy: undefined, hint: undefined };
  return { remedy, code: errorCode(error), message, hint, stack };
}

/** The error again, without its cause; one that was not ours keeps its code, not its class. */
export function toError(failure: Failure): Error {
  const error = errorOf(failure);
  if (failure.stack !== undefined) error.stack = failure.stack;
  return error;
}

function errorOf({ remedy, code, message, hint }: Failure): Error {
  if (code === undefined) return new Error(message);
  if (remedy === undefined) return Object.assign(new Error(message), { code });
  const details = hint === undefined ? {} : { hint };
  if (code === 'MR_INVARIANT') return new InvariantError(message, details);
  return new CLASSES[remedy](relayed(code), message, details);
}

const CLASSES = {
  retry: RetryableError,
  'give-up': FatalError,
  'fix-input': InputError,
  'fix-configuration': ConfigurationError,
};
