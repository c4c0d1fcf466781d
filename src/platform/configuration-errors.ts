/** What is said about options and values that are refused, without secrets and at a length that can be read. */
import { ConfigurationError } from './errors.ts';
import type { z } from './option.ts';

const LONGEST_SHOWN = 200;

type Named = { readonly path: string; readonly variable: string };

export function invalidValue(
  path: string,
  value: string,
  expected: string,
  source: string,
): ConfigurationError {
  return new ConfigurationError(
    'MR_CONFIG_INVALID',
    `Option ${path} is ${value} in ${source}; expected: ${expected}.`,
    { hint: `Correct ${path} in ${source}; docs/CONFIGURATION.md lists all options.` },
  );
}

/** Suggests options of a similar name, or those of the same section. */
export function unknownOption(name: string, source: string, options: readonly Named[]): ConfigurationError {
  const last = name.split(/[._]/).at(-1)?.toLowerCase() ?? '';
  const near = options.filter(({ path }) => path.split('.').at(-1)?.toLowerCase().endsWith(last));
  const section = options.filter(({ path }) => path.startsWith(`${name.split('.')[0]}.`));
  const candidates = (near.length > 0 ? near : section).map(({ path, variable }) => `${path} (${variable})`);
  const suggestion = candidates.length === 0 ? '' : `There is ${candidates.join(', ')}. `;
  return new ConfigurationError('MR_CONFIG_UNKNOWN', `There is no option ${cut(name)}, given in ${source}.`, {
    hint: `${suggestion}docs/CONFIGURATION.md lists all options.`,
  });
}

export function unreadableFile(path: string, problem: string, cause?: unknown): ConfigurationError {
  const detail = cause instanceof Error ? `: ${cause.message}` : '';
  return new ConfigurationError('MR_CONFIG_FILE', `The configuration file ${path} ${problem}${detail}.`, {
    hint: 'Point --config at an existing JSON file as described in docs/CONFIGURATION.md.',
    cause,
  });
}

/** Without a cause, and with no more than the position: the parser quotes the text around it, which may be a secret. */
export function notJson(path: string, { message }: Error): ConfigurationError {
  const at = /line \d+ column \d+/.exec(message)?.[0];
  return unreadableFile(path, `is not JSON${at === undefined ? '' : `, from ${at} on`}`);
}

export function expectation(error: z.ZodError): string {
  return cut(error.issues.map(({ message }) => message.replace(/^[^:]*: expected /, '')).join(', '));
}

/** Addresses lose their user, which may have a password. */
export function readable(value: unknown): string {
  return cut(JSON.stringify(typeof value === 'string' ? value.replace(/^(\w+:\/\/)?.*@/s, '$1') : value));
}

/** A value of any length on a line of a terminal. */
function cut(text: string): string {
  return text.length <= LONGEST_SHOWN
    ? text
    : `${text.slice(0, LONGEST_SHOWN)}... (${text.length} characters)`;
}
