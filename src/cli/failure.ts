/** How a command says that it failed: code, message and what to do, on standard error. */

import { CommanderError } from 'commander';
import { ConfigurationError, errorCode, InputError, MillraceError } from '#platform';
import { Interrupted } from '#service';
import { EXIT } from './command.ts';

export type FailureOptions = { readonly json: boolean; readonly debug: boolean };

/** Prints an error and returns the exit code that stands for it. */
export function reportFailure(error: unknown, options: FailureOptions): number {
  if (error instanceof Interrupted) return EXIT.interrupted;
  const { code, message, hint } = describe(error);
  if (options.json) process.stderr.write(`${JSON.stringify({ error: { code, message, hint } })}\n`);
  else process.stderr.write(`error ${code}: ${message}\n${hint === undefined ? '' : `hint: ${hint}\n`}`);
  if (options.debug && error instanceof Error) process.stderr.write(`${stackOf(error)}\n`);
  return exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  const wrong =
    error instanceof InputError || error instanceof ConfigurationError || error instanceof CommanderError;
  return wrong ? EXIT.wrongInput : EXIT.failed;
}

function describe(error: unknown): { code: string; message: string; hint: string | undefined } {
  if (error instanceof MillraceError)
    return { code: error.code, message: error.message, hint: hintOf(error) };
  if (error instanceof CommanderError) {
    return {
      code: 'MR_USAGE',
      message: sentence(error.message.replace(/^error: /, '').split('\n')[0] ?? ''),
      hint: 'See millrace --help, or --help after a command.',
    };
  }
  const code = errorCode(error);
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: 'MR_UNEXPECTED',
    message: code === undefined ? message : `${code}: ${message}`,
    hint: 'Run it again with --log-level debug to see the stack trace.',
  };
}

/** What a process that goes on says of itself is not true of one that ends. */
function hintOf({ code, hint }: MillraceError): string | undefined {
  if (code !== 'MR_DISK_FULL') return hint;
  return 'Free space on it, then run the command again; nothing that was acknowledged is lost.';
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}
