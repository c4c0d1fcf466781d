import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError, ifThere } from '#platform';
import { sha256 } from '../artifact/manifest.ts';
import type { VersionContents } from '../artifact/port.ts';
import { type ExternalManifest, parseExternalManifest } from './manifest.ts';
import { EXTERNAL_MANIFEST_NAME } from './manifest-fields.ts';
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
  const bytes = await readIn(directory, EXTERNAL_MANIFEST_NAME);
  const manifest = parseExternalManifest(bytes);
  const graph = await readGraph(directory, manifest);
  const scorer = await ExternalScorer.load(graph, manifest);
  try {
    await scorer.probe();
  } finally {
    await scorer.close();
  }
  return {
    manifest,
    contents: {
      [EXTERNAL_MANIFEST_NAME]: bytes,
      [EXTERNAL_GRAPH_NAME]: graph,
      ...(await readCard(directory)),
    },
  };
}

/** A file that the directory must have. Errors: InputError MR_MODEL_MANIFEST. */
export async function readIn(directory: string, name: string): Promise<Uint8Array> {
  const isName = /^[^/\\]+$/.test(name);
  const bytes = isName ? await ifThere(readFile(join(directory, name))) : undefined;
  if (bytes !== undefined) return bytes;
  throw new InputError('MR_MODEL_MANIFEST', `There is no ${name} in ${directory}.`, {
    hint: `The directory must contain ${EXTERNAL_MANIFEST_NAME} and the files that it names; docs/MODELS.md describes them.`,
  });
}

/** The ONNX file that a manifest names. Errors: InputError MR_MODEL_MANIFEST, MR_MODEL_HASH. */
export async function readGraph(
  directory: string,
  { graph: name, sha256: expected }: { readonly graph: string; readonly sha256: string },
): Promise<Uint8Array> {
  const graph = await readIn(directory, name);
  const actual = sha256(graph);
  if (actual === expected.toLowerCase()) return graph;
  throw new InputError(
    'MR_MODEL_HASH',
    `${name} has the SHA-256 ${actual}; ${EXTERNAL_MANIFEST_NAME} says ${expected}.`,
    {
      hint: 'It was damaged in transit, or exported again since the manifest was written: rewrite the manifest.',
    },
  );
}

export async function readCard(directory: string): Promise<VersionContents> {
  const card = await ifThere(readFile(join(directory, CARD_NAME)));
  return card === undefined ? {} : { [CARD_NAME]: card };
}
