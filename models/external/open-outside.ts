import type { VersionContents } from '../artifact/port.ts';
import type { IndexCalibration } from '../index/parts.ts';
import { readExternalModel, readIn } from './directory.ts';
import { EXTERNAL_MODEL, type ExternalManifest } from './manifest.ts';
import { EXTERNAL_MANIFEST_NAME, parseFields, shown, wrong } from './manifest-fields.ts';
import { readExternalRetrieval } from './retrieval/directory.ts';
import { EXTERNAL_RETRIEVAL } from './retrieval/manifest.ts';

/** A model that was trained elsewhere, verified. */
export type OutsideModel = {
  readonly role: 'ranking' | 'retrieval';
  /** As manifests of its versions name it. */
  readonly model: typeof EXTERNAL_MODEL | typeof EXTERNAL_RETRIEVAL;
  /** As it calls itself. */
  readonly name: string;
  /** As measured where it was trained, and how. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly protocol: string;
  /** Length of its vectors; 0 where there are none. */
  readonly dimension: number;
  readonly items: number;
  readonly index: IndexCalibration | undefined;
  /** Names the features that a ranker reads; undefined for a model that reads none. */
  readonly features: ExternalManifest | undefined;
  /** The files of a version of it. */
  readonly contents: VersionContents;
};

/**
 * Reads and verifies a directory with `model.json`. Errors: InputError MR_MODEL_MANIFEST, and those of readExternalModel and
 * readExternalRetrieval.
 */
export async function readOutside(directory: string): Promise<OutsideModel> {
  const { role = 'ranking' } = parseFields(await readIn(directory, EXTERNAL_MANIFEST_NAME));
  if (role === 'retrieval') {
    const { manifest, dimension, items, calibration, contents } = await readExternalRetrieval(directory);
    const { name, metrics, protocol } = manifest;
    const said = { name, metrics, protocol, dimension, items, index: calibration, features: undefined };
    return { role: 'retrieval', model: EXTERNAL_RETRIEVAL, ...said, contents };
  }
  if (role !== 'ranking') throw wrong(`role is ${shown(role)}, not ranking or retrieval`);
  const { manifest, contents } = await readExternalModel(directory);
  const { name, metrics, protocol } = manifest;
  const said = { name, metrics, protocol, dimension: 0, items: 0, index: undefined, features: manifest };
  return { role: 'ranking', model: EXTERNAL_MODEL, ...said, contents };
}
