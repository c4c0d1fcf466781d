import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError, ifThere } from '#platform';
import { sha256 } from '../artifact/manifest.ts';
import type { VersionContents } from '../artifact/port.ts';
import { EXTERNAL_MANIFEST_NAME, type ExternalManifest, parseExternalManifest } from './manifest.ts';
import { ExternalScorer } from './scorer.ts';

/** Goes along with the model where it is there. */
const CARD_NAME = 'card.md';
/** The graph's name in a version, whatever it was before. */
export const EXTERNAL_GRAPH_NAME = 'model.onnx';

export type ExternalModel = {
  readonly manifest: ExternalManifest;
  /** The files that a version of it has. */
  readonly contents: VersionContents;
};

/**
 * Reads and verifies a model's directory: `model.json`, the graph that it names, and `card.md` where there is one. The
 * graph is the one whose hash the manifest has, its inputs and outputs are those that it says, and it runs. Whether the
 * features are ones that views declare is left to the caller. Errors: InputError MR_MODEL_MANIFEST, MR_MODEL_HASH,
 * MR_MODEL_GRAPH, MR_MODEL_SIGNATURE, MR_MODEL_PROBE.
 */
export async function readExternalModel(directory: string): Promise<ExternalModel> {
  const bytes = await ifThere(readFile(join(directory, EXTERNAL_MANIFEST_NAME)));
  if (bytes === undefined) throw absent(directory, EXTERNAL_MANIFEST_NAME);
  const manifest = parseExternalManifest(bytes);
  if (!/^[^/\\]+$/.test(manifest.graph)) throw absent(directory, manifest.graph);
  const graph = await ifThere(readFile(join(directory, manifest.graph)));
  if (graph === undefined) throw absent(directory, manifest.graph);
  const actual = sha256(graph);
  if (actual !== manifest.sha256.toLowerCase()) {
    throw new InputError(
      'MR_MODEL_HASH',
      `${manifest.graph} has the SHA-256 ${actual}; model.json says ${manifest.sha256}.`,
      {
        hint: 'It was damaged in transit, or exported again since the manifest was written: rewrite the manifest.',
      },
    );
  }
  const scorer = await ExternalScorer.load(graph, manifest);
  try {
    await scorer.probe();
  } finally {
    await scorer.close();
  }
  const card = await ifThere(readFile(join(directory, CARD_NAME)));
  return {
    manifest,
    contents: {
      [EXTERNAL_MANIFEST_NAME]: bytes,
      [EXTERNAL_GRAPH_NAME]: graph,
      ...(card !== undefined && { [CARD_NAME]: card }),
    },
  };
}

function absent(directory: string, name: string): InputError {
  return new InputError('MR_MODEL_MANIFEST', `There is no ${name} in ${directory}.`, {
    hint: `The directory must contain ${EXTERNAL_MANIFEST_NAME} and the ONNX file that it names; docs/MODELS.md describes both.`,
  });
}
