import { FatalError } from '#platform';
import type { VersionContents } from './artifact/port.ts';
import { modelNamed } from './catalogue.ts';
import { EXTERNAL_MODEL } from './external/manifest.ts';
import { openExternalRanker } from './external/ranker.ts';
import type { ItemRanker } from './ranking/port.ts';

/**
 * A version that ranks, by the name of its model and its files. Errors: MR_MODEL_CONFIG for a model that there is none
 * of, MR_MODEL_UNREADABLE for one that ranks nothing, and those of the model.
 */
export async function openRanker(name: string, files: VersionContents): Promise<ItemRanker> {
  if (name === EXTERNAL_MODEL) return openExternalRanker(files);
  const model = modelNamed(name);
  if (model.role === 'ranking') return model.ranker(files);
  throw new FatalError('MR_MODEL_UNREADABLE', `Versions of ${name} find items; they rank none.`, {
    hint: 'Publish the version again, in its own role.',
  });
}
