/**
 * Parameters as models declare them: default, range, what they mean and where a search looks. Checks, configuration
 * options, `--help`, documentation and the space of a search all come from the declaration.
 */
import { ConfigurationError } from '#platform';

const isWithin = {
  'a whole number': Number.isSafeInteger,
  'a whole number not below 0': (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0,
  'a whole number above 0': (value: unknown) => Number.isSafeInteger(value) && (value as number) > 0,
  'above 0': (value: unknown) => Number.isFinite(value) && (value as number) > 0,
  'not below 0': (value: unknown) => Number.isFinite(value) && (value as number) >= 0,
  'from 0 to 1': (value: unknown) => typeof value === 'number' && value >= 0 && value <= 1,
  'from 0 to below 1': (value: unknown) => typeof value === 'number' && value >= 0 && value < 1,
  'a path': (value: unknown) => typeof value === 'string' && value !== '',
  '1 or -1 by column': (value: unknown) =>
    isObject(value) && Object.values(value).every((each) => each === 1 || each === -1),
} as const;

export type ParameterRange = keyof typeof isWithin;

/** Values that a search draws from: a list, or an interval; `log` draws by the logarithm, `whole` rounds. */
export type SearchDimension =
  | readonly (number | string | boolean)[]
  | { readonly from: number; readonly to: number; readonly log?: boolean; readonly whole?: boolean };

export type SearchSpace = Readonly<Record<string, SearchDimension>>;

export type NumberParameter = {
  readonly default: number;
  readonly range: Exclude<ParameterRange, 'a path' | '1 or -1 by column'>;
  /** The greatest value, where memory or time would be gone long before the range ends. */
  readonly most?: number;
  /** A sentence for help and documentation. */
  readonly about: string;
  /** Absent where a search does not vary it unless told to. */
  readonly search?: SearchDimension;
};

/** One of several words. */
export type ChoiceParameter<Choice extends string = string> = {
  readonly default: Choice;
  readonly choices: readonly Choice[];
  readonly about: string;
  readonly search?: readonly Choice[];
};

/** A file that may be given; none by default. */
export type PathParameter = { readonly range: 'a path'; readonly about: string };

/** A direction for each column that is named, as in `{ "item-features.popularity": 1 }`. */
export type DirectionsParameter = {
  readonly default: Directions;
  readonly range: '1 or -1 by column';
  readonly about: string;
};

export type Directions = Readonly<Record<string, 1 | -1>>;

export type Parameter = NumberParameter | ChoiceParameter | PathParameter | DirectionsParameter;

export type Parameters = Readonly<Record<string, Parameter>>;

/** The values of declared parameters. */
export type ConfigOf<P extends Parameters> = {
  readonly [N in keyof P as P[N] extends PathParameter ? never : N]: P[N] extends {
    choices: readonly (infer Choice)[];
  }
    ? Choice
    : P[N] extends DirectionsParameter
      ? Directions
      : number;
};

/** What differs from a model's defaults, by the name of the parameter. */
export type ModelConfig = Readonly<Record<string, unknown>>;

export function defaultsOf<P extends Parameters>(parameters: P): ConfigOf<P> {
  const defaults = Object.entries(parameters).flatMap(([name, each]) =>
    'default' in each ? [[name, each.default]] : [],
  );
  return Object.fromEntries(defaults) as ConfigOf<P>;
}

/** All values: what differs from the defaults, which has been checked, over these. */
export function configured<P extends Parameters>(parameters: P, config: ModelConfig): ConfigOf<P> {
  return { ...defaultsOf(parameters), ...config };
}

/** Refuses values out of their range, with MR_MODEL_CONFIG; what is absent is fine, and so is what is not declared. */
export function checkRanges(model: string, parameters: Parameters, config: ModelConfig): void {
  for (const [name, parameter] of Object.entries(parameters)) {
    const value = config[name];
    if (value !== undefined && !isAccepted(parameter, value)) {
      throw outOfRange(model, name, value, expectedOf(parameter));
    }
  }
}

/** Refuses names that are not declared as well, with MR_MODEL_CONFIG. */
export function checkConfig(model: string, parameters: Parameters, config: ModelConfig): void {
  const unknown = Object.keys(config).find((name) => !Object.hasOwn(parameters, name));
  if (unknown !== undefined) {
    throw new ConfigurationError('MR_MODEL_CONFIG', `${model} has no parameter ${unknown}.`, {
      hint: `It has ${Object.keys(parameters).join(', ')}.`,
    });
  }
  checkRanges(model, parameters, config);
}

export function checkValue(model: string, name: string, value: unknown, range: ParameterRange): void {
  if (!isWithin[range](value)) throw outOfRange(model, name, value, range);
}

/** MR_MODEL_CONFIG; `expected` ends the sentence "It must be". */
export function outOfRange(
  model: string,
  name: string,
  value: unknown,
  expected: string,
): ConfigurationError {
  const shown = typeof value === 'number' ? value : JSON.stringify(value);
  return new ConfigurationError('MR_MODEL_CONFIG', `${model}: ${name} is ${shown}`, {
    hint: `It must be ${expected}.`,
  });
}

/** Whether it declares what values it takes: a range that there is, or choices. */
export function isParameter(declared: unknown): declared is Parameter {
  const { range, choices } = (declared ?? {}) as { range?: unknown; choices?: unknown };
  const isChoice = Array.isArray(choices) && choices.every((choice) => typeof choice === 'string');
  return isChoice || Object.hasOwn(isWithin, String(range));
}

export function isAccepted(parameter: Parameter, value: unknown): boolean {
  if ('choices' in parameter) return (parameter.choices as readonly unknown[]).includes(value);
  const isBelowMost = !('most' in parameter) || (value as number) <= parameter.most;
  return isWithin[parameter.range](value) && isBelowMost;
}

/** Ends the sentence "It must be". */
export function expectedOf(parameter: Parameter): string {
  if ('choices' in parameter) return parameter.choices.join(' or ');
  return 'most' in parameter ? `${parameter.range}, at most ${parameter.most}` : parameter.range;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The dimensions that the declarations name. */
export function searchSpaceOf(parameters: Parameters): SearchSpace {
  const searched = Object.entries(parameters).flatMap(([name, each]) =>
    'search' in each && each.search !== undefined ? [[name, each.search]] : [],
  );
  return Object.fromEntries(searched) as SearchSpace;
}

/** The parameter of every model that learns tables of embeddings. */
export const embeddingOptimiserParameter = {
  default: 'adam',
  choices: ['adam', 'row-wise-adagrad'],
  about:
    'What changes the embeddings: Adam keeps two numbers for each weight, row-wise Adagrad one for each row, which tables of millions of rows are for.',
} as const satisfies ChoiceParameter;
