/** The options that models declare: which are trained, and the parameters of each. */
import type { DeclaredOption } from '#platform';
import { defaultModel, knownModels, modelNames } from './catalogue.ts';
import { expectedOf, isAccepted, type ModelConfig } from './parameters.ts';

const TRAINED_PATH = 'training.models';

/** Those of the models that are known now. */
export function modelOptions(): readonly DeclaredOption[] {
  const names = modelNames();
  return [
    {
      path: TRAINED_PATH,
      default: [defaultModel.name],
      description: `The models that are trained, side by side on the same snapshot: ${names.join(', ')}, and those of \`training.modelModules\`.`,
      accepts: (value) =>
        Array.isArray(value) && value.length > 0 && value.every((name) => names.includes(name)),
      expected: `a list of ${names.join(', ')}`,
    },
    ...knownModels().flatMap(({ name: model, parameters }) =>
      Object.entries(parameters).map(([name, parameter]): DeclaredOption => {
        const { about } = parameter;
        return {
          path: `models.${model}.${name}`,
          description: 'default' in parameter ? `${about} By default ${parameter.default}.` : about,
          accepts: (value) => isAccepted(parameter, value),
          expected: expectedOf(parameter),
        };
      }),
    ),
  ];
}

/** What a configuration says of models, from the values of the options above. */
export function modelSettings(declared: Readonly<Record<string, unknown>>): {
  readonly trained: readonly string[];
  /** What differs from the defaults, by the name of the model. */
  readonly configOf: Readonly<Record<string, ModelConfig>>;
} {
  const configOf = knownModels().map(({ name: model, parameters }) => {
    const given = Object.keys(parameters).flatMap((name) => {
      const value = declared[`models.${model}.${name}`];
      return value === undefined ? [] : [[name, value] as const];
    });
    return [model, Object.fromEntries(given)] as const;
  });
  const trained = declared[TRAINED_PATH] ?? [defaultModel.name];
  return { trained: trained as readonly string[], configOf: Object.fromEntries(configOf) };
}
