import type { CodeFor } from './error-codes.ts';
import type { Remedy } from './error-declaration.ts';

export type ErrorDetails = { readonly hint?: string; readonly cause?: unknown };

/**
 * The root of all errors that the product throws on purpose. `code` is stable (`MR_LOG_FENCED`), `hint` says
 * what to do. Rooms declare their codes as error-declaration.ts says.
 */
export abstract class MillraceError<R extends Remedy = Remedy> extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  abstract readonly remedy: Remedy;

  constructor(code: CodeFor<R>, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.name = new.target.name;
  }
}

/** A passing condition: the same call may succeed later. */
export class RetryableError extends MillraceError<'retry'> {
  readonly remedy = 'retry';
}

/** The caller has lost its right or its premise (fenced, closed, corrupted): start over, do not repeat the call. */
export class FatalError extends MillraceError<'give-up'> {
  readonly remedy = 'give-up';
}

/** The data given is wrong; the same input fails always. */
export class InputError extends MillraceError<'fix-input'> {
  readonly remedy = 'fix-input';
}

/** The set-up is wrong: a path, a port, an option, a version on disk. */
export class ConfigurationError extends MillraceError<'fix-configuration'> {
  readonly remedy = 'fix-configuration';
}

/** A broken invariant of our own: a bug. Never caught to go on. */
export class InvariantError extends MillraceError<'give-up'> {
  readonly remedy = 'give-up';

  constructor(message: string, details: ErrorDetails = {}) {
    super('MR_INVARIANT', message, details);
  }
}

/** Throws an InvariantError when `condition` is false. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** A code from elsewhere, such as another thread or process, which keeps it whatever class its error has here. */
export function relayed(code: string): never {
  return code as never;
}

/** The code of any thrown value: ours, Node's (`EADDRINUSE`), or undefined. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
