import { createHash } from 'node:crypto';
import { FatalError } from '#platform';
import {
  type ManifestFile,
  type VersionContents,
  type VersionDescription,
  type VersionManifest,
  versionFileNames,
} from './port.ts';

export const manifestName = 'manifest.json';
const versionDigits = 16;

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A version's name, from the bytes of its manifest. */
export function versionOf(manifest: Uint8Array): string {
  return sha256(manifest).slice(0, versionDigits);
}

/** The manifest's bytes: fields in one order, metrics sorted by name, so that equal versions have equal names. */
export function encodeManifest(description: VersionDescription, contents: VersionContents): Buffer {
  const { model, snapshotId, seed, dimension, itemCount, protocol } = description;
  const sorted = (metrics: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(metrics).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const files: ManifestFile[] = versionFileNames.map((name) => {
    return { name, bytes: contents[name].byteLength, sha256: sha256(contents[name]) };
  });
  const manifest: VersionManifest = {
    format: 1,
    model,
    snapshotId,
    seed,
    dimension,
    itemCount,
    protocol,
    metrics: sorted(description.metrics),
    popularity: sorted(description.popularity),
    decayedPopularity: sorted(description.decayedPopularity),
    files,
  };
  return Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
}

/** The manifest of bytes whose hash is known to be right; so what is wrong here was written wrong. */
export function parseManifest(bytes: Buffer, path: string): VersionManifest {
  let manifest: Partial<VersionManifest>;
  try {
    manifest = JSON.parse(bytes.toString()) as Partial<VersionManifest>;
  } catch (cause) {
    throw corrupt(path, 'is not JSON', cause);
  }
  if (manifest.format !== 1) throw corrupt(path, `has format ${manifest.format}, and format 1 can be read`);
  const listed = manifest.files?.map(({ name }) => name).join();
  const expected = versionFileNames.join();
  if (listed !== expected) throw corrupt(path, `lists the files ${listed}, not ${expected}`);
  return manifest as VersionManifest;
}

export function corrupt(path: string, problem: string, cause?: unknown): FatalError {
  return new FatalError('MR_VERSION_CORRUPT', `The version file ${path} ${problem}.`, {
    hint: 'Remove the directory of this version and train again, or copy it anew from where it was trained.',
    ...(cause !== undefined && { cause }),
  });
}
