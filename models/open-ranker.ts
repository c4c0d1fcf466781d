import { FatalError } from '#platform';
import type { VersionContents } from './artifact/port.ts';
import { modelNamed } from './catalogue.ts';
import { EXTERNAL_MODEL } from './external/manifest.ts';
import { openExternalRanker } from './external/ranker.ts';
import type { ItemRanker, Objectives } from './ranking/port.ts';

/**
 * A version that ranks, by the name of its model and its files; by weighted objectives where there are some. Errors:
 * MR_MODEL_CONFIG for a model that there is none of, MR_MODEL_UNREADABLE for one that ranks nothing, MR_MODEL_OBJECTIVE
 * for one that predicts no such thing, and those of the model.
 */
export async function openRanker(
  name: string,
  files: VersionContents,
  objectives: Objectives = {},
): Promise<ItemRanker> {
  const weighted = Object.keys(objectives);
  if (name === EXTERNAL_MODEL) {
    if (weighted.length > 0) throw noObjective(name, weighted, []);
    return openExternalRanker(files);
  }
  const model = modelNamed(name);
  if (model.role !== 'ranking') {
    throw new FatalError('MR_MODEL_UNREADABLE', `Versions of ${name} find items; they rank none.`, {
      hint: 'Publish the version again, in its own role.',
    });
  }
  const { objectives: known = [] } = model;
  const unknown = weighted.filter((objective) => !known.includes(objective));
  if (unknown.length > 0) throw noObjective(name, unknown, known);
  return weighted.length === 0 ? model.ranker(files) : model.ranker(files, objectives);
}

function noObjective(model: string, unknown: readonly string[], known: readonly string[]): FatalError {
  const has = known.length === 0 ? 'by what it was trained for alone' : `by ${known.join(', ')}`;
  return new FatalError('MR_MODEL_OBJECTIVE', `A version of ${model} can't rank by ${unknown.join(', ')}.`, {
    hint: `It ranks ${has}: change option recommend.objectives, or promote a version of another model.`,
  });
}
