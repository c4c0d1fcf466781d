import {
  ConfigurationError,
  FatalError,
  InputError,
  InvariantError,
  MillraceError,
  type Remedy,
  RetryableError,
} from './errors.ts';

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

/** The error again, less its cause; one that was none of ours, less its class as well. */
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
