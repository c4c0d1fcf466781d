/** Models that modules of the user's own declare. Each thread that trains or serves loads them for itself. */
import { ConfigurationError, importUserModule } from '#platform';
import { addModel, modelOf } from './catalogue.ts';
import type { Model, RankingModel, RetrievalModel } from './model.ts';
import { isParameter } from './parameters.ts';

/** As versions, options and the command line write it. */
const NAME = /^[a-z][a-z0-9-]{0,40}$/;

const loaded = new Set<string>();

/** The modules whose models this thread knows, for a thread that it starts to load them as well. */
export const modelModules = (): readonly string[] => [...loaded];

/**
 * Adds the default export of each module, a Model, to the catalogue of this thread; one that was loaded before is passed
 * over. Errors: ConfigurationError MR_MODEL_MODULE for a module that can't be loaded or whose default export is no model,
 * and for a name that another model has.
 */
export async function loadModelModules(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    if (loaded.has(path)) continue;
    const refuse = (what: string, cause?: unknown) => unusable(path, what, cause);
    const { default: model } = await importUserModule(path, refuse);
    const lack = lackOf(model);
    if (lack !== undefined) throw refuse(`is no model by its default export: ${lack}`);
    if (modelOf((model as Model).name) !== undefined)
      throw refuse(`declares ${(model as Model).name}, which is the name of another model`);
    addModel(model as Model);
    loaded.add(path);
  }
}

/** Why an export is no model; undefined where it is one. */
function lackOf(exported: unknown): string | undefined {
  if (typeof exported !== 'object' || exported === null) return 'there is no object';
  const { name, role, about, parameters, open } = exported as Partial<Model>;
  if (typeof name !== 'string' || !NAME.test(name))
    return 'its name is not lower-case letters, digits and hyphens';
  if (role !== 'retrieval' && role !== 'similar' && role !== 'ranking')
    return 'its role is neither retrieval, similar nor ranking';
  if (typeof about !== 'string') return 'about is not text';
  if (typeof open !== 'function') return 'open is no function';
  if (typeof parameters !== 'object' || parameters === null) return 'it declares no parameters';
  const wrong = Object.entries(parameters).find(([, each]) => !isParameter(each));
  if (wrong !== undefined) return `parameter ${wrong[0]} has neither choices nor a range that there is`;
  return role === 'ranking'
    ? lackOfRanking(exported as Partial<RankingModel>)
    : lackOfRetrieval(exported as Partial<RetrievalModel>);
}

function lackOfRetrieval({ role, needs, serving }: Partial<RetrievalModel>): string | undefined {
  if (typeof needs !== 'function') return 'needs is no function';
  if (role === 'similar' && !(serving?.kind === 'item-weights' && serving.answersSimilar))
    return 'its serving answers no similar items';
  const isServed =
    serving?.kind === 'item-weights' || (serving?.kind === 'vectors' && Boolean(serving.encoder));
  return isServed ? undefined : 'its serving is neither vectors nor item-weights';
}

function lackOfRanking({ bases, ranker, retrievalScores }: Partial<RankingModel>): string | undefined {
  if (!Array.isArray(bases)) return 'bases is no list of models';
  if (typeof ranker !== 'function') return 'ranker is no function';
  return typeof retrievalScores === 'function' ? undefined : 'retrievalScores is no function';
}

function unusable(path: string, what: string, cause: unknown): ConfigurationError {
  return new ConfigurationError('MR_MODEL_MODULE', `The module ${path} ${what}.`, {
    hint: 'Export a Model under a name of its own as default: see docs/MODELS.md.',
    cause,
  });
}
