/**
 * Configuration: defaults, then `millrace.config.json`, then the environment (MILLRACE_SECTION_OPTION), then
 * flags. Each option is validated by itself, so that an error can say where the wrong value came from. Unknown
 * options are refused everywhere. docs/CONFIGURATION.md is generated from what the rooms declare.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigurationError, errorCode } from './errors.ts';
import { type Options, type ValuesOf, z } from './option.ts';

export * from './option.ts';
export { PLATFORM_OPTIONS } from './options.ts';

/** An option that is declared without zod, such as a parameter of a model. */
export type DeclaredOption = {
  /** With two dots where a section has sections of its own. */
  readonly path: string;
  readonly default?: unknown;
  readonly description: string;
  /** Whether a value fits; `expected` says what does. */
  readonly accepts: (value: unknown) => boolean;
  readonly expected: string;
};

/** The options that there are. */
type Declaration<O extends Options> = {
  readonly options: O;
  readonly declared?: readonly DeclaredOption[];
  /** Options that stand for their section where it is given as one word, as in `"simulation": "off"`. */
  readonly switches?: Readonly<Record<string, string>>;
};

export type OptionValues<O extends Options> = ValuesOf<O> & {
  /** Values of the declared options, by path: those that were given, and defaults. */
  readonly declared: Readonly<Record<string, unknown>>;
};

/** What a flag or a variable may hold; strings are parsed into the option's type. */
type Given = string | number;

export type ConfigurationSources = {
  /** Values by option path (`http.port`); undefined ones are skipped. */
  readonly flags: Readonly<Record<string, Given | undefined>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The file that --config names: it must exist. Without it `millrace.config.json` is read where there is one. */
  readonly file?: string | undefined;
  /** The working directory. */
  readonly directory: string;
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

/** Variables of the product that are not options. */
const reservedVariables: ReadonlySet<string> = new Set([
  'MILLRACE_FAILPOINTS',
  'MILLRACE_HTTP_CHECKED',
  'MILLRACE_SERVERS',
]);

const LONGEST_SHOWN = 200;

/** What is read so far, and the options that there are. */
type Reading = {
  readonly options: readonly Option[];
  readonly values: Map<string, unknown>;
  readonly switches: Readonly<Record<string, string>>;
  readonly skipsOthers: boolean;
};

/** Every option: those of no section first. */
export function listOptions({ options, declared = [] }: Declaration<Options>): readonly Option[] {
  const entries = Object.entries(options);
  const single = entries.flatMap(([name, each]) => (each instanceof z.ZodType ? [option(name, each)] : []));
  const inSections = entries.flatMap(([section, each]) =>
    each instanceof z.ZodType
      ? []
      : Object.entries(each).map(([name, schema]) => option(`${section}.${name}`, schema)),
  );
  const further = declared.map(({ path, default: value, description, accepts, expected }) => {
    const schema = z.custom((given) => accepts(given), expected);
    return option(
      path,
      (value === undefined ? schema.optional() : schema.default(value)).meta({ description }),
    );
  });
  return [...single, ...inSections, ...further];
}

/**
 * Reads and merges all sources. ConfigurationError MR_CONFIG_UNKNOWN for an option that does not exist,
 * MR_CONFIG_INVALID for a wrong value, MR_CONFIG_FILE for a file that cannot be read as JSON.
 */
export function readOptions<O extends Options>(
  declaration: Declaration<O>,
  sources: ConfigurationSources,
): OptionValues<O> {
  const values = read(declaration, listOptions(declaration), sources, { skipsOthers: false });
  const given = (paths: readonly (readonly [name: string, path: string])[]) =>
    Object.fromEntries(
      paths
        .filter(([, path]) => values.get(path) !== undefined)
        .map(([name, path]) => [name, values.get(path)]),
    );
  const result: Record<string, unknown> = {
    declared: given((declaration.declared ?? []).map(({ path }) => [path, path])),
  };
  for (const [name, each] of Object.entries(declaration.options)) {
    result[name] =
      each instanceof z.ZodType
        ? values.get(name)
        : given(Object.keys(each).map((leaf) => [leaf, `${name}.${leaf}`]));
  }
  return result as OptionValues<O>;
}

/**
 * The value of one option, by itself: for what has to be known before the declared options are. Says nothing about
 * other options. Errors: those of readOptions for this one.
 */
export function readOption<O extends Options>(
  path: string,
  declaration: Declaration<O>,
  sources: ConfigurationSources,
): unknown {
  const options = listOptions(declaration).filter((each) => each.path === path);
  return read(declaration, options, sources, { skipsOthers: true }).get(path);
}

function read(
  { switches = {} }: Declaration<Options>,
  options: readonly Option[],
  sources: ConfigurationSources,
  { skipsOthers }: Pick<Reading, 'skipsOthers'>,
): Map<string, unknown> {
  const values = new Map(options.map((each) => [each.path, each.default]));
  const reading = { options, values, switches, skipsOthers };
  readFile(sources, reading);
  readEnvironment(sources, reading);
  readFlags(sources, reading);
  return values;
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
  } else if (Object.hasOwn(reading.switches, name) && typeof value === 'string') {
    setValue(reading.switches[name] as string, value, source, reading);
  } else throw invalid(name, readable(value), `an object with options of section ${name}`, source);
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
    const found = optionAt(reading.switches[path] ?? path, reading);
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
  if (!result.success) throw invalid(path, shown(found, value), expectation(result.error), source);
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

function invalid(path: string, value: string, expected: string, source: string): ConfigurationError {
  return new ConfigurationError(
    'MR_CONFIG_INVALID',
    `Option ${path} is ${value} in ${source}; expected: ${expected}.`,
    { hint: `Correct ${path} in ${source}; docs/CONFIGURATION.md lists all options.` },
  );
}

/** Without secrets: a password, or an address whose path is one, as Slack's; other addresses lose their user. */
function shown({ schema }: Option, value: unknown): string {
  return schema.meta()?.isSecret === true ? 'wrong' : readable(value);
}

function readable(value: unknown): string {
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
    hint: 'Point --config at an existing JSON file as described in docs/CONFIGURATION.md.',
    cause,
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
