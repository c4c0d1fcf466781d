/** What every command has in common: its options, how it fails, and what its exit code says. */
import { type Command, InvalidArgumentError } from 'commander';
import { loadModelModules } from '#models';
import { InputError } from '#platform';
import type { ConfigurationSources } from '#platform/configuration';
import { type Configuration, configuredModelModules, loadConfiguration } from '#service/configuration';
import { Output } from './output.ts';

export const EXIT = { done: 0, failed: 1, wrongInput: 2, interrupted: 130 } as const;

export type CommonOptions = {
  readonly data?: string;
  readonly config?: string;
  readonly profile?: string;
  readonly json?: boolean;
  readonly logLevel?: string;
  readonly set?: Readonly<Record<string, string>>;
};

/** What a command gets to work with. */
export type Invocation<O> = {
  readonly options: CommonOptions & O;
  readonly configuration: Configuration;
  /** What the configuration was read from. */
  readonly sources: ConfigurationSources;
  readonly output: Output;
};

export type CommandSpec<O> = {
  readonly command: Command;
  /** Command lines with what they do. */
  readonly examples: readonly (readonly [line: string, does: string])[];
  /** What a user wants to know beyond the options. */
  readonly notes?: string;
  /** Flags of the command that are configuration options, by option path. */
  readonly flags?: (options: O) => Readonly<Record<string, string | number | undefined>>;
  /** What it does, instead of failing, where the options are not sound. Returns the exit code. */
  readonly misconfigured?: (error: unknown, output: Output) => Promise<number>;
  /** Returns the exit code. */
  readonly run: (invocation: Invocation<O>, args: readonly string[]) => Promise<number>;
};

const EXIT_CODES = `
Exit codes: 0 done; 1 failed; 2 wrong usage, input or configuration; 130 interrupted.`;

/** Adds the common options, the examples and the running of a command. */
export function defineCommand<O extends object>(spec: CommandSpec<O>): Command {
  const { command, examples, notes = '', flags = () => ({}), run, misconfigured } = spec;
  const width = Math.max(...examples.map(([line]) => line.length));
  const shown = examples.map(([line, does]) => `  $ ${line.padEnd(width)}  # ${does}`).join('\n');
  return command
    .option('--data <dir>', 'data directory (default: .millrace)')
    .option('--config <file>', 'configuration file (default: millrace.config.json, if it exists)')
    .option('--profile <name>', 'dev, staging or prod, with its file (millrace.config.prod.json)')
    .option(
      '--set <option=value>',
      'set a configuration option, such as http.port=9000; repeatable',
      assignment,
    )
    .option(
      '--log-level <level>',
      'debug, info, warn, error or silent; debug shows stack traces (default: warn)',
    )
    .option('--json', 'print JSON on standard output, and errors as JSON')
    .addHelpText('after', `\n${notes === '' ? '' : `${notes.trim()}\n\n`}Examples:\n${shown}\n${EXIT_CODES}`)
    .action(async () => {
      const options: CommonOptions & O = command.opts();
      const sources = {
        flags: {
          ...options.set,
          ...given({
            data: options.data,
            profile: options.profile,
            'logging.level': options.logLevel,
            ...flags(options),
          }),
        },
        environment: process.env,
        file: options.config,
        directory: process.cwd(),
      };
      const output = new Output({ json: options.json === true });
      let configuration: Configuration;
      try {
        await loadModelModules(configuredModelModules(sources));
        configuration = loadConfiguration(sources);
      } catch (error) {
        if (misconfigured === undefined) throw error;
        process.exitCode = await misconfigured(error, output);
        return;
      }
      process.exitCode = await run({ options, configuration, sources, output }, command.args);
    });
}

/** Flags that are there: one that is not must not undo a --set of the same option. */
function given<T>(flags: Readonly<Record<string, T | undefined>>): Record<string, T | undefined> {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

/** Collects repeated `--set section.name=value`. */
function assignment(
  text: string,
  before: Readonly<Record<string, string>> | undefined,
): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('Write it as section.option=value.');
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}

/** A parser of whole numbers from `least` to `most`. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`Use a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** An error of how the command line was written. */
export function usageError(message: string, hint: string): InputError {
  return new InputError('MR_USAGE', message, { hint });
}
