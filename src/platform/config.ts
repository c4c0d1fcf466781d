/**
 * Configuration: defaults, then `millrace.config.json`, then the environment (MILLRACE_SECTION_OPTION), then
 * flags. Each option is validated by itself, so that an error can say where the wrong value came from. Unknown
 * options are refused everywhere. docs/CONFIGURATION.md is generated from config-options.ts.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { sections, topLevel } from './config-options.ts';
import { ConfigurationError, errorCode } from './errors.ts';

/** An option that another room declares, such as a parameter of a model. */
export type DeclaredOption = {
  /** With two dots where a section has sections of its own. */
  readonly path: string;
  readonly default?: unknown;
  readonly description: string;
  /** Whether a value fits; `expected` says what does. */
  readonly accepts: (value: unknown) => boolean;
  readonly expected: string;
};

type Sections = { readonly [S in keyof typeof sections]: Readonly<z.infer<(typeof sections)[S]>> };

type TopLevel = { readonly [O in keyof typeof topLevel]: z.infer<(typeof topLevel)[O]> };

/** All options with their values. `data` is an absolute path. */
export type Configuration = TopLevel &
  Sections & {
    /** Values of the options that other rooms declare, by path: those that were given, and defaults. */
    readonly declared: Readonly<Record<string, unknown>>;
  };

/** What a flag or a variable may give; strings are read as what the option is. */
type Given = string | number;

export type ConfigurationSources = {
  /** Values by option path (`http.port`); undefined ones are skipped. */
  readonly flags: Readonly<Record<string, Given | undefined>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The file that --config names: it must exist. Without it `millrace.config.json` is read where there is one. */
  readonly file?: string | undefined;
  /** The working directory. */
  readonly directory: string;
  /** Options beyond those of this room; none unless given. */
  readonly declared?: readonly DeclaredOption[];
};

export type ConfigurationOption = {
  /** `http.port` */
  readonly path: string;
  /** `MILLRACE_HTTP_PORT` */
  readonly variable: string;
  readonly default: unknown;
  readonly description: string;
};

type Option = ConfigurationOption & { readonly schema: z.ZodType };

const own: readonly Option[] = [
  ...Object.entries(topLevel).map(([name, schema]) => option(name, schema)),
  ...Object.entries(sections).flatMap(([section, object]) =>
    Object.entries(object.shape).map(([name, schema]) => option(`${section}.${name}`, schema)),
  ),
];

/** A whole section that is switched by one word, as in `"simulation": "off"`. */
const switches: Readonly<Record<string, string>> = { simulation: 'simulation.world' };

/** Variables of the product that are not options. */
const reservedVariables: ReadonlySet<string> = new Set(['MILLRACE_FAILPOINTS', 'MILLRACE_SERVERS']);

const LONGEST_SHOWN = 200;

/** What is read so far, and the options that there are. */
type Reading = {
  readonly options: readonly Option[];
  readonly values: Map<string, unknown>;
  readonly skipsOthers?: boolean;
};

/** Every option, for the generated page. */
export function allOptions(declared: readonly DeclaredOption[] = []): readonly ConfigurationOption[] {
  return withDeclared(declared);
}

function withDeclared(declared: readonly DeclaredOption[]): readonly Option[] {
  const further = declared.map(({ path, default: value, description, accepts, expected }) => {
    const schema = z.custom((given) => accepts(given), expected);
    return option(
      path,
      (value === undefined ? schema.optional() : schema.default(value)).describe(description),
    );
  });
  return [...own, ...further];
}

/**
 * Reads and merges all sources. ConfigurationError MR_CONFIG_UNKNOWN for an option that does not exist,
 * MR_CONFIG_INVALID for a wrong value, MR_CONFIG_CONTRADICTION for values that do not go together, MR_CONFIG_FILE for
 * a file that cannot be read as JSON.
 */
export function loadConfiguration(sources: ConfigurationSources): Configuration {
  const { declared = [] } = sources;
  const values = read(sources, withDeclared(declared));
  const given = declared.filter(({ path }) => values.get(path) !== undefined);
  const configuration: Record<string, unknown> = {
    declared: Object.fromEntries(given.map(({ path }) => [path, values.get(path)])),
  };
  for (const name of Object.keys(topLevel)) configuration[name] = values.get(name);
  configuration.data = resolve(sources.directory, String(values.get('data')));
  for (const [section, object] of Object.entries(sections)) {
    const names = Object.keys(object.shape).filter((name) => values.get(`${section}.${name}`) !== undefined);
    configuration[section] = Object.fromEntries(
      names.map((name) => [name, values.get(`${section}.${name}`)]),
    );
  }
  refuseContradictions(configuration as Configuration);
  return configuration as Configuration;
}

/**
 * The value of one option of this room by itself: for what has to be known before the declared ones are. Nothing is said of
 * others. Errors: those of loadConfiguration for this one.
 */
export function loadOption(path: string, sources: ConfigurationSources): unknown {
  const options = own.filter((each) => each.path === path);
  return read(sources, options, { skipsOthers: true }).get(path);
}

function read(
  sources: ConfigurationSources,
  options: readonly Option[],
  how: Pick<Reading, 'skipsOthers'> = {},
): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const { path, schema } of options) values.set(path, schema.parse(undefined));
  const reading = { options, values, ...how };
  readFile(sources, reading);
  readEnvironment(sources, reading);
  readFlags(sources, reading);
  return values;
}

/** Errors: MR_CONFIG_CONTRADICTION for values that do not go together. */
export function refuseContradictions({ log, registry, notifications }: Configuration): void {
  if (
    notifications.url !== undefined &&
    notifications.format === 'json' &&
    notifications.secret === undefined
  ) {
    throw new ConfigurationError(
      'MR_CONFIG_CONTRADICTION',
      'notifications.url is given without notifications.secret: nobody could tell whether a notification is ours.',
      { hint: 'Set notifications.secret (MILLRACE_NOTIFICATIONS_SECRET), or notifications.format to slack.' },
    );
  }
  if (log === 'embedded' || registry !== 'embedded') return;
  throw new ConfigurationError(
    'MR_CONFIG_CONTRADICTION',
    'The log is on Kafka, and the schema registry is the embedded one, which no other machine can ask.',
    { hint: 'Set registry to a registry with Confluent’s API, such as http://127.0.0.1:8081.' },
  );
}

function readFile({ file, directory }: ConfigurationSources, reading: Reading): void {
  const path = resolve(directory, file ?? 'millrace.config.json');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if (file === undefined && errorCode(cause) === 'ENOENT') return;
    throw fileError(path, 'cannot be read', cause);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw fileError(path, 'is not JSON', cause);
  }
  if (!isObject(parsed)) throw fileError(path, 'must hold one JSON object', undefined);
  for (const [name, value] of Object.entries(parsed)) {
    if (name !== '$schema') readValue(name, value, path, reading);
  }
}

/** An option, or a section with options and sections. */
function readValue(name: string, value: unknown, source: string, reading: Reading): void {
  const isSection = reading.options.some(({ path }) => path.startsWith(`${name}.`));
  if (!isSection) setValue(name, value, source, reading);
  else if (isObject(value)) {
    for (const [leaf, leafValue] of Object.entries(value)) {
      readValue(`${name}.${leaf}`, leafValue, source, reading);
    }
  } else if (Object.hasOwn(switches, name) && typeof value === 'string') {
    setValue(switches[name] as string, value, source, reading);
  } else throw invalid(name, value, `an object with options of section ${name}`, source);
}

function readEnvironment({ environment }: ConfigurationSources, reading: Reading): void {
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith('MILLRACE_') || value === undefined || reservedVariables.has(variable)) continue;
    const found = reading.options.find((each) => each.variable === variable);
    if (found === undefined) refuseUnknown(variable, 'the environment', reading);
    else setValue(found.path, fromText(found, value), `environment variable ${variable}`, reading);
  }
}

function readFlags({ flags }: ConfigurationSources, reading: Reading): void {
  for (const [path, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const found = optionAt(switches[path] ?? path, reading);
    if (found === undefined) refuseUnknown(path, 'the command line', reading);
    else {
      const given = typeof value === 'string' ? fromText(found, value) : value;
      setValue(found.path, given, 'the command line', reading);
    }
  }
}

const optionAt = (path: string, { options }: Reading) => options.find((each) => each.path === path);

function setValue(path: string, value: unknown, source: string, reading: Reading): void {
  const found = optionAt(path, reading);
  if (found === undefined) {
    refuseUnknown(path, source, reading);
    return;
  }
  const result = found.schema.safeParse(value);
  if (!result.success) throw invalid(path, value, expectation(result.error), source);
  reading.values.set(path, result.data);
}

/** Text from the environment or a flag, as the number, list or object that the option wants where it wants one. */
function fromText({ schema }: Option, text: string): unknown {
  if (schema.safeParse(text).success || text.trim() === '') return text;
  if (/^\s*[[{]/.test(text)) return fromJson(text);
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function option(path: string, schema: z.ZodType): Option {
  const variable = `MILLRACE_${path
    .replace(/[A-Z]/g, (letter) => `_${letter}`)
    .replaceAll(/[.-]/g, '_')
    .toUpperCase()}`;
  return { path, variable, schema, default: schema.parse(undefined), description: schema.description ?? '' };
}

function expectation(error: z.ZodError): string {
  return cut(error.issues.map(({ message }) => message.replace(/^[^:]*: expected /, '')).join(', '));
}

function invalid(path: string, value: unknown, expected: string, source: string): ConfigurationError {
  return new ConfigurationError(
    'MR_CONFIG_INVALID',
    `Option ${path} is ${shown(path, value)} in ${source}; expected: ${expected}.`,
    { hint: `Correct ${path} in ${source}; docs/CONFIGURATION.md lists all options.` },
  );
}

/** Without secrets: a password is none, nor is an address whose path is one, as Slack's; others lose their user. */
function shown(path: string, value: unknown): string {
  if (/\.(password|token|secret)$|^notifications\.url$/.test(path)) return 'wrong';
  return cut(JSON.stringify(typeof value === 'string' ? value.replace(/^(\w+:\/\/)?.*@/s, '$1') : value));
}

/** A value of any length on a line of a terminal. */
function cut(text: string): string {
  return text.length <= LONGEST_SHOWN
    ? text
    : `${text.slice(0, LONGEST_SHOWN)}... (${text.length} characters)`;
}

function refuseUnknown(name: string, source: string, { options, skipsOthers = false }: Reading): void {
  if (skipsOthers) return;
  const last = name.split(/[._]/).at(-1)?.toLowerCase() ?? '';
  const near = options.filter(({ path }) => path.split('.').at(-1)?.toLowerCase().endsWith(last));
  const section = options.filter(({ path }) => path.startsWith(`${name.split('.')[0]}.`));
  const candidates = (near.length > 0 ? near : section).map(({ path, variable }) => `${path} (${variable})`);
  const suggestion = candidates.length === 0 ? '' : `There is ${candidates.join(', ')}. `;
  throw new ConfigurationError('MR_CONFIG_UNKNOWN', `There is no option ${cut(name)}, given in ${source}.`, {
    hint: `${suggestion}docs/CONFIGURATION.md lists all options.`,
  });
}

function fileError(path: string, problem: string, cause: unknown): ConfigurationError {
  const detail = cause instanceof Error ? `: ${cause.message}` : '';
  return new ConfigurationError('MR_CONFIG_FILE', `The configuration file ${path} ${problem}${detail}.`, {
    hint: 'Give --config an existing JSON file, laid out as in docs/CONFIGURATION.md.',
    cause,
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
