import { InputError } from '#platform';
import type { VersionContents } from '../../artifact/port.ts';
import type { IndexCalibration } from '../../index/parts.ts';
import { indexItemVectors } from '../../serving/item-vectors.ts';
import { ITEM_VECTORS_FILE, type Serving, VOCABULARY_FILE } from '../../serving/port.ts';
import { Vocabulary } from '../../vocabulary.ts';
import { EXTERNAL_GRAPH_NAME, readCard, readGraph, readIn } from '../directory.ts';
import { EXTERNAL_MANIFEST_NAME } from '../manifest-fields.ts';
import { ExternalEncoder } from './encoder.ts';
import { type ExternalRetrievalManifest, parseExternalRetrieval } from './manifest.ts';
import { readNpy } from './npy.ts';

export type ExternalRetrieval = {
  readonly items: number;
  readonly dimension: number;
  readonly manifest: ExternalRetrievalManifest;
  /** Where the index has lists. */
  readonly calibration: IndexCalibration | undefined;
  /** The files that a version of it has. */
  readonly contents: VersionContents;
};

/**
 * Reads and verifies a directory with `model.json`, the user encoder, the ids of items and their vectors, and indexes these.
 * Errors: InputError MR_MODEL_MANIFEST, MR_MODEL_HASH, MR_INDEX_VECTOR, and those of ExternalEncoder.
 */
export async function readExternalRetrieval(directory: string): Promise<ExternalRetrieval> {
  const bytes = await readIn(directory, EXTERNAL_MANIFEST_NAME);
  const manifest = parseExternalRetrieval(bytes);
  const graph = await readGraph(directory, manifest);
  const ids = idsIn(await readIn(directory, manifest.items), manifest.items);
  const {
    rows,
    columns: dimension,
    values,
  } = readNpy(await readIn(directory, manifest.vectors), manifest.vectors);
  if (rows !== ids.length)
    throw wrong(`${manifest.vectors} has ${rows} vectors, and ${manifest.items} ${ids.length} items`);
  const encoder = await ExternalEncoder.load(graph, manifest);
  try {
    if (encoder.dim !== dimension)
      throw wrong(`they have ${dimension} numbers each, and the vectors of users ${encoder.dim}`);
    await encoder.probe(rows);
  } finally {
    await encoder.close();
  }
  const vocabulary = Vocabulary.build({ users: [], items: ids.map((id) => ({ id, metadata: null })) });
  const { file, calibration } = indexItemVectors(values, dimension);
  return {
    items: rows,
    dimension,
    manifest,
    calibration,
    contents: {
      [EXTERNAL_MANIFEST_NAME]: bytes,
      [EXTERNAL_GRAPH_NAME]: graph,
      [VOCABULARY_FILE]: vocabulary.toBytes(),
      [ITEM_VECTORS_FILE]: file,
      ...(await readCard(directory)),
    },
  };
}

export const externalServing: Serving = {
  kind: 'vectors',
  encoderFiles: [EXTERNAL_MANIFEST_NAME, EXTERNAL_GRAPH_NAME],
  encoder: (files) =>
    ExternalEncoder.load(
      files[EXTERNAL_GRAPH_NAME] as Uint8Array,
      parseExternalRetrieval(files[EXTERNAL_MANIFEST_NAME] as Uint8Array),
    ),
};

function idsIn(bytes: Uint8Array, name: string): readonly string[] {
  const ids = Buffer.from(bytes).toString().trimEnd().split(/\r?\n/);
  const empty = ids.indexOf('');
  if (empty >= 0) throw wrong(`line ${empty + 1} of ${name} is empty`);
  const seen = new Set<string>();
  for (const [i, id] of ids.entries()) {
    if (seen.has(id)) throw wrong(`line ${i + 1} of ${name} has ${id} again`);
    seen.add(id);
  }
  return ids;
}

function wrong(problem: string): InputError {
  return new InputError('MR_MODEL_MANIFEST', `The items can't be read: ${problem}.`, {
    hint: 'Write the id of the item of row n of the vectors on line n, each once.',
  });
}
