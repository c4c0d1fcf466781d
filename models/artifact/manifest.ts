import { createHash } from 'node:crypto';
import { FatalError, InputError } from '#platform';
import type { Candidate } from '#schemas';
import {
  type ManifestFile,
  VERSIONS_DIRECTORY,
  type VersionContents,
  type VersionDescription,
  type VersionFiles,
  type VersionManifest,
} from './port.ts';

export const MANIFEST_NAME = 'manifest.json';
const VERSION_DIGITS = 16;
/** Nothing that could lead out of the version's directory, or be taken for what a crash has left. */
const fileName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A version's name, from the bytes of its manifest. */
export function versionOf(manifest: Uint8Array): string {
  return sha256(manifest).slice(0, VERSION_DIGITS);
}

/**
 * The manifest's bytes: fields in one order, metrics and files sorted by name, so that equal versions have equal names.
 * InputError MR_VERSION_FILE for a name that can't be a file's.
 */
export function encodeManifest(description: VersionDescription, contents: VersionContents): Buffer {
  const { model, snapshotId, seed, dimension, itemCount, sizes, protocol, indexOf, index, textEncoder } =
    description;
  const sorted = (metrics: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(metrics).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const files: ManifestFile[] = Object.entries(contents)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, bytes]) => ({ name, bytes: bytes.byteLength, sha256: sha256(bytes) }));
  const wrong = files.find(({ name }) => !isFileName(name));
  if (wrong !== undefined) throw badName(wrong.name);
  const manifest: VersionManifest = {
    format: 2,
    model,
    snapshotId,
    seed,
    dimension,
    itemCount,
    ...(sizes && { sizes }),
    protocol,
    metrics: sorted(description.metrics),
    popularity: sorted(description.popularity),
    decayedPopularity: sorted(description.decayedPopularity),
    ...(indexOf !== undefined && { indexOf }),
    ...(index && { index }),
    ...(textEncoder && { textEncoder }),
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
  const { format, files } = manifest;
  if (format !== 1 && format !== 2) {
    throw corrupt(path, `has format ${format}; this build reads formats 1 and 2, so a newer one wrote it`);
  }
  if (!Array.isArray(files)) throw corrupt(path, 'lists no files');
  const names = files.map(({ name }) => name);
  const wrong = names.find((name, place) => !isFileName(name) || names.indexOf(name) !== place);
  if (wrong !== undefined) throw corrupt(path, `lists the file ${wrong}, whose name is not allowed`);
  return manifest as VersionManifest;
}

function isFileName(name: string): boolean {
  return fileName.test(name) && name !== MANIFEST_NAME;
}

function badName(name: string): InputError {
  return new InputError('MR_VERSION_FILE', `A version can't have a file named ${JSON.stringify(name)}.`, {
    hint: `Use letters, digits, dots, hyphens and underscores, at most 100, and not ${MANIFEST_NAME}.`,
  });
}

export function corrupt(path: string, problem: string, cause?: unknown): FatalError {
  return new FatalError('MR_VERSION_CORRUPT', `The version file ${path} ${problem}.`, {
    hint: 'Remove the directory of this version and train again, or copy it again from where it was trained.',
    ...(cause !== undefined && { cause }),
  });
}

/** What is said of a version when it is published. */
export function candidateOf(
  version: string,
  described: VersionDescription,
  judged: Pick<Candidate, 'role' | 'intervals' | 'production'>,
): Candidate {
  return {
    version,
    snapshot_id: described.snapshotId,
    model: described.model,
    directory: `${VERSIONS_DIRECTORY}/${version}`,
    dimension: described.dimension,
    items: described.itemCount,
    sizes: { ...described.sizes },
    protocol: described.protocol,
    metrics: { ...described.metrics },
    popularity: { ...described.popularity },
    decayed_popularity: { ...described.decayedPopularity },
    run_id: null,
    ...judged,
  };
}

/** All files of a version, for whoever opens its model. */
export function contentsOf(version: Pick<VersionFiles, 'names' | 'read'>): VersionContents {
  return Object.fromEntries(version.names.map((name) => [name, version.read(name)]));
}

/** In words, without what it has none of: `1,000 items, dimension 64`, or `70 trees, 41 columns`. */
export function sizeText({
  items = 0,
  dimension = 0,
  sizes,
}: Pick<Candidate, 'sizes'> & Partial<Pick<Candidate, 'items' | 'dimension'>>): string {
  const counts = Object.entries({ items, ...sizes }).filter(([, count]) => count > 0);
  return [
    ...counts.map(([what, count]) => `${count.toLocaleString('en-US')} ${what}`),
    ...(dimension > 0 ? [`dimension ${dimension}`] : []),
  ].join(', ');
}
