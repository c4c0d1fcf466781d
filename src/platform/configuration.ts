/**
 * Configuration: defaults, then `millrace.config.json`, then the file of the profile, then the environment
 * (MILLRACE_SECTION_OPTION), then flags. Each option is validated by itself, so that an error can say where the wrong value
 * came from. Unknown options are refused everywhere. Secret options may hold references (secrets.ts), which are read last.
 * docs/CONFIGURATION.md is generated from what the rooms declare.
 */
import {
  type ConfigurationOption,
  type ConfigurationSources,
  type Option,
  type Origin,
  originOf,
  PROFILE,
  placeOf,
  type Reading,
  readLayers,
  soundSecretValue,
} from './configuration-layers.ts';
import { ConfigurationError } from './errors.ts';
import { type Options, type ValuesOf, z } from './option.ts';
import { describeReference, readSecret, readSecretNow } from './secrets.ts';

export type { ConfigurationOption, ConfigurationSources, Origin } from './configuration-layers.ts';
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
 * MR_CONFIG_INVALID for a wrong value, MR_CONFIG_FILE for a file that cannot be read as JSON, MR_CONFIG_SECRET for a secret
 * that cannot be read.
 */
export function readOptions<O extends Options>(
  declaration: Declaration<O>,
  sources: ConfigurationSources,
): OptionValues<O> {
  const values = valuesWithSecrets(read(declaration, sources));
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
  return valuesWithSecrets(read(declaration, sources, path)).get(path);
}

export type ExplainedOption = Pick<ConfigurationOption, 'path' | 'isSecret'> & {
  /** Undefined for a secret, and where there is none; an address has no user. */
  readonly value: unknown;
  /** What a secret refers to; undefined for one that is given as such. */
  readonly reference: string | undefined;
  readonly isSet: boolean;
  readonly origin: Origin;
};

/** Every option with its value and where that comes from, without the secrets, which are not even read. Errors: as readOptions. */
export function explainOptions(
  declaration: Declaration<Options>,
  sources: ConfigurationSources,
): readonly ExplainedOption[] {
  const reading = read(declaration, sources);
  return reading.options.map(({ path, isSecret }) => {
    const value = reading.values.get(path);
    const reference = reading.references.get(path);
    return {
      path,
      isSecret,
      value: isSecret ? undefined : withoutUsers(value),
      reference: reference && describeReference(reference),
      isSet: value !== undefined || reference !== undefined,
      origin: originOf(path, reading),
    };
  });
}

/** A secret as it is now: its value, undefined where it is not set, or why it cannot be read. */
export type SecretNow = Pick<ConfigurationOption, 'path' | 'isRenewed'> & {
  readonly value?: unknown;
  readonly error?: ConfigurationError;
};

/**
 * The secrets of all sources as these are now, each by itself, without holding up what else the process does. Errors: as
 * readOptions, except those of single secrets.
 */
export async function readSecretsAgain(
  declaration: Declaration<Options>,
  sources: ConfigurationSources,
): Promise<readonly SecretNow[]> {
  const reading = read(declaration, sources);
  const secrets = reading.options.filter(({ isSecret }) => isSecret);
  return Promise.all(
    secrets.map(async (option) => {
      const { path, isRenewed } = option;
      const reference = reading.references.get(path);
      if (reference === undefined) return { path, isRenewed, value: reading.values.get(path) };
      try {
        const secret = await readSecret(reference, placeOf(path, reading));
        return { path, isRenewed, value: soundSecretValue(option, secret, reading) };
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error;
        return { path, isRenewed, error };
      }
    }),
  );
}

/** With `only`, nothing is said about other options. */
function read(declaration: Declaration<Options>, sources: ConfigurationSources, only?: string): Reading {
  const all = listOptions(declaration);
  const { switches = {} } = declaration;
  const chosen = all.filter(({ path }) => path === PROFILE);
  const first = readLayers({ options: chosen, switches, skipsOthers: true, sources }, undefined);
  const profile = first.values.get(PROFILE);
  const options = only === undefined ? all : all.filter(({ path }) => path === only);
  return readLayers({ options, switches, skipsOthers: only !== undefined, sources }, profile);
}

function valuesWithSecrets(reading: Reading): Map<string, unknown> {
  const values = new Map(reading.values);
  for (const option of reading.options) {
    const reference = reading.references.get(option.path);
    if (reference === undefined) continue;
    const secret = readSecretNow(reference, placeOf(option.path, reading));
    values.set(option.path, soundSecretValue(option, secret, reading));
  }
  return values;
}

/** A password in an address may have any character, so the last @ ends it. */
function withoutUsers(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/^(\w+:\/\/).*@/s, '$1***@');
  return Array.isArray(value) ? value.map(withoutUsers) : value;
}

function option(path: string, schema: z.ZodType): Option {
  const variable = `MILLRACE_${path
    .replace(/[A-Z]/g, (letter) => `_${letter}`)
    .replaceAll(/[.-]/g, '_')
    .toUpperCase()}`;
  const { isSecret = false, isRenewed = false, description = '' } = schema.meta() ?? {};
  return {
    path,
    variable,
    schema,
    default: schema.parse(undefined),
    description,
    isSecret: isSecret === true,
    isRenewed: isRenewed === true,
  };
}
