/** The options that models declare: which are trained, and the parameters of each. */
import type { DeclaredOption } from '#platform';
import { defaultModel, defaultRanker, defaultSimilar, knownModels, namesOf } from './catalogue.ts';
import { expectedOf, isAccepted, type ModelConfig } from './parameters.ts';

const TRAINED_PATH = 'training.models';
const RANKERS_PATH = 'training.rankers';
const SIMILAR_PATH = 'training.similar';

/** Those of the models that are known now. */
export function modelOptions(): readonly DeclaredOption[] {
  const [retrieval, ranking, similar] = [namesOf('retrieval'), namesOf('ranking'), namesOf('similar')];
  return [
    {
      path: TRAINED_PATH,
      default: [defaultModel.name],
      description: `The models that find items, trained side by side on the same snapshot: ${retrieval.join(', ')}, and those of \`training.modelModules\`.`,
      accepts: (value) =>
        Array.isArray(value) && value.length > 0 && value.every((name) => retrieval.includes(name)),
      expected: `a list of ${retrieval.join(', ')}`,
    },
    {
      path: RANKERS_PATH,
      default: [defaultRanker.name],
      description: `The models that order what is found, trained after the first of \`training.models\`, then along with them: ${ranking.join(', ')}, and those of \`training.modelModules\`; none if the list is empty.`,
      accepts: (value) => Array.isArray(value) && value.every((name) => ranking.includes(name)),
      expected: `a list of ${ranking.join(', ')}, or an empty one`,
    },
    {
      path: SIMILAR_PATH,
      default: [defaultSimilar.name],
      description: `The models that know which items go with one another, trained along with the rankers: ${similar.join(', ')}, and those of \`training.modelModules\`; none if the list is empty.`,
      accepts: (value) => Array.isArray(value) && value.every((name) => similar.includes(name)),
      expected: `a list of ${similar.join(', ')}, or an empty one`,
    },
    ...knownModels().flatMap(({ name: model, parameters }) =>
      Object.entries(parameters).map(([name, parameter]): DeclaredOption => {
        const { about } = parameter;
        return {
          path: `models.${model}.${name}`,
          description: 'default' in parameter ? `${about} By default ${textOf(parameter.default)}.` : about,
          accepts: (value) => isAccepted(parameter, value),
          expected: expectedOf(parameter),
        };
      }),
    ),
  ];
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

/** What a configuration says of models, from the values of the options above. */
export function modelSettings(declared: Readonly<Record<string, unknown>>): {
  readonly trained: readonly string[];
  readonly rankers: readonly string[];
  readonly similar: readonly string[];
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
  const rankers = declared[RANKERS_PATH] ?? [defaultRanker.name];
  const similar = declared[SIMILAR_PATH] ?? [defaultSimilar.name];
  return {
    trained: trained as readonly string[],
    rankers: rankers as readonly string[],
    similar: similar as readonly string[],
    configOf: Object.fromEntries(configOf),
  };
}
