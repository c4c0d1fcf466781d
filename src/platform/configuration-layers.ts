/** The sources of options, one over the other: defaults, file, the profile's file, environment, flags. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  expectation,
  invalidValue,
  notJson,
  readable,
  unknownOption,
  unreadableFile,
} from './configuration-errors.ts';
import { errorCode } from './errors.ts';
import type { z } from './option.ts';
import { describeReference, parseReference, type SecretPlace, type SecretReference } from './secrets.ts';

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
  /** Its value is never shown, and may be a reference. */
  readonly isSecret: boolean;
  /** A process that serves takes a new value of this secret on SIGHUP. */
  readonly isRenewed: boolean;
};

export type Option = ConfigurationOption & { readonly schema: z.ZodType };

/** Where a value comes from. `source` is a file's path, or names a variable or the command line. */
export type Origin = {
  readonly kind: 'default' | 'file' | 'profile' | 'environment' | 'flag';
  readonly source: string;
};

/** What is read so far, and the options that there are. */
export type Reading = {
  readonly options: readonly Option[];
  readonly values: Map<string, unknown>;
  readonly origins: Map<string, Origin>;
  /** References of secret options, whose values are not read yet. */
  readonly references: Map<string, SecretReference>;
  readonly switches: Readonly<Record<string, string>>;
  readonly skipsOthers: boolean;
  readonly sources: ConfigurationSources;
};

export const PROFILE = 'profile';
const DEFAULT: Origin = { kind: 'default', source: 'default' };
const COMMAND_LINE: Origin = { kind: 'flag', source: 'the command line' };

/** Variables of the product that are not options. */
const reservedVariables: ReadonlySet<string> = new Set([
  'MILLRACE_FAILPOINTS',
  'MILLRACE_HTTP_CHECKED',
  'MILLRACE_SEED',
  'MILLRACE_SERVERS',
]);

/** All layers, the file of `profile` among them where one is chosen. Secrets are not read. */
export function readLayers(
  wanted: Pick<Reading, 'options' | 'switches' | 'skipsOthers' | 'sources'>,
  profile: unknown,
): Reading {
  const values = new Map(wanted.options.map((each) => [each.path, each.default]));
  const reading: Reading = { ...wanted, values, origins: new Map(), references: new Map() };
  const { file, directory } = wanted.sources;
  const base = resolve(directory, file ?? 'millrace.config.json');
  readFile({ kind: 'file', source: base }, { isRequired: file !== undefined }, reading);
  if (typeof profile === 'string') {
    const origin: Origin = { kind: 'profile', source: profileFile(base, profile) };
    readFile(origin, { isRequired: false }, reading);
  }
  readEnvironment(reading);
  readFlags(reading);
  return reading;
}

/** `millrace.config.json` of profile prod is `millrace.config.prod.json`. */
function profileFile(base: string, profile: string): string {
  return base.replace(/(\.json)?$/, (extension) => `.${profile}${extension}`);
}

export function originOf(path: string, { origins }: Pick<Reading, 'origins'>): Origin {
  return origins.get(path) ?? DEFAULT;
}

/** Where the reference of an option stands, for reading it. */
export function placeOf(path: string, { origins, sources }: Reading): SecretPlace {
  const { environment, directory } = sources;
  return { option: path, source: originOf(path, { origins }).source, environment, directory };
}

/** Checks a secret that was read for a reference. Errors: MR_CONFIG_INVALID. */
export function soundSecretValue(option: Option, secret: string, reading: Reading): unknown {
  const reference = reading.references.get(option.path);
  const { source } = originOf(option.path, reading);
  const where = reference === undefined ? source : `${describeReference(reference)}, of ${source}`;
  return sound(option, secret, where);
}

function readFile(origin: Origin, { isRequired }: { readonly isRequired: boolean }, reading: Reading): void {
  const path = origin.source;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if (!isRequired && errorCode(cause) === 'ENOENT') return;
    throw unreadableFile(path, 'cannot be read', cause);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw notJson(path, cause as Error);
  }
  if (!isObject(parsed)) throw unreadableFile(path, 'must hold one JSON object');
  for (const [name, value] of Object.entries(parsed)) {
    if (name !== '$schema') readValue(name, value, origin, reading);
  }
}

/** An option, or a section with options and sections. */
function readValue(name: string, value: unknown, origin: Origin, reading: Reading): void {
  const inSection = reading.options.filter(({ path }) => path.startsWith(`${name}.`));
  if (name === PROFILE && origin.kind === 'profile') {
    throw invalidValue(name, readable(value), 'no profile in the file of one', origin.source);
  }
  if (inSection.length === 0) setValue(name, value, origin, reading);
  else if (isObject(value)) {
    for (const [leaf, leafValue] of Object.entries(value)) {
      readValue(`${name}.${leaf}`, leafValue, origin, reading);
    }
  } else if (Object.hasOwn(reading.switches, name) && typeof value === 'string') {
    setValue(reading.switches[name] as string, value, origin, reading);
  } else {
    // It may be meant for one of them.
    const shown = inSection.some(({ isSecret }) => isSecret) ? 'wrong' : readable(value);
    throw invalidValue(name, shown, `an object with options of section ${name}`, origin.source);
  }
}

function readEnvironment(reading: Reading): void {
  for (const [variable, value] of Object.entries(reading.sources.environment)) {
    if (!variable.startsWith('MILLRACE_') || value === undefined || reservedVariables.has(variable)) continue;
    const found = reading.options.find((each) => each.variable === variable);
    if (found === undefined) refuseUnknown(variable, 'the environment', reading);
    else {
      const origin: Origin = { kind: 'environment', source: `environment variable ${variable}` };
      setValue(found.path, fromText(found, value), origin, reading);
    }
  }
}

function readFlags(reading: Reading): void {
  for (const [path, value] of Object.entries(reading.sources.flags)) {
    if (value === undefined) continue;
    const found = optionAt(reading.switches[path] ?? path, reading);
    if (found === undefined) refuseUnknown(path, COMMAND_LINE.source, reading);
    else {
      const given = typeof value === 'string' ? fromText(found, value) : value;
      setValue(found.path, given, COMMAND_LINE, reading);
    }
  }
}

const optionAt = (path: string, { options }: Reading) => options.find((each) => each.path === path);

function setValue(path: string, value: unknown, origin: Origin, reading: Reading): void {
  const found = optionAt(path, reading);
  if (found === undefined) {
    refuseUnknown(path, origin.source, reading);
    return;
  }
  reading.origins.set(path, origin);
  reading.references.delete(path);
  const reference =
    found.isSecret && typeof value === 'string' ? parseReference(value, placeOf(path, reading)) : undefined;
  if (reference === undefined) reading.values.set(path, sound(found, value, origin.source));
  else reading.references.set(path, reference);
}

function sound(option: Option, value: unknown, source: string): unknown {
  const result = option.schema.safeParse(value);
  if (result.success) return result.data;
  const shown = option.isSecret ? 'wrong' : readable(value);
  throw invalidValue(option.path, shown, expectation(result.error), source);
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

function refuseUnknown(name: string, source: string, { options, skipsOthers }: Reading): void {
  if (!skipsOthers) throw unknownOption(name, source, options);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
