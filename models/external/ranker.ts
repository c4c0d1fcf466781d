import type { VersionContents } from '../artifact/port.ts';
import type { ItemRanker } from '../ranking/port.ts';
import { EXTERNAL_GRAPH_NAME } from './directory.ts';
import { parseExternalManifest } from './manifest.ts';
import { EXTERNAL_MANIFEST_NAME } from './manifest-fields.ts';
import { ExternalScorer } from './scorer.ts';

/** A version of a model from outside, probed. Errors: as readExternalModel. */
export async function openExternalRanker(files: VersionContents): Promise<ItemRanker> {
  const manifest = parseExternalManifest(files[EXTERNAL_MANIFEST_NAME] as Uint8Array);
  const scorer = await ExternalScorer.load(files[EXTERNAL_GRAPH_NAME] as Uint8Array, manifest);
  await scorer.probe();
  return {
    inputs: manifest.inputs,
    views: manifest.views,
    givesChances: false,
    score: ({ columns, items }) => scorer.score(columns, items.length),
    close: () => scorer.close(),
  };
}
