import { mkdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import {
  ConfigurationError,
  errorCode,
  ifThere,
  namesIn,
  PARTIAL_PREFIX,
  sync,
  writeDurably,
} from '#platform';
import { corrupt, encodeManifest, MANIFEST_NAME, parseManifest, sha256, versionOf } from '../manifest.ts';
import type {
  ArtifactStore,
  VersionContents,
  VersionDescription,
  VersionFiles,
  VersionManifest,
} from '../port.ts';

const versionPattern = /^[0-9a-f]{16}$/;

/**
 * Versions as directories of `directory`, each named by its version. One is written aside, made durable, and renamed
 * into its place, so a crash leaves it whole or absent. One writer of a version at a time.
 */
export function localArtifacts(directory: string): ArtifactStore {
  return {
    write: (description, contents) => writeVersion(directory, description, contents),
    open: async (version) => {
      if (!versionPattern.test(version)) throw missing(version, directory);
      return openVersion(join(directory, version));
    },
    list: async () => {
      const versions = (await namesIn(directory)).map((name) => name.replace(PARTIAL_PREFIX, ''));
      return [...new Set(versions.filter((name) => versionPattern.test(name)))].sort();
    },
    stat: async (version) => {
      const places = versionPattern.test(version) ? [version, PARTIAL_PREFIX + version] : [];
      for (const place of places) {
        const found = await statOf(join(directory, place));
        if (found !== undefined) return found;
      }
      return { bytes: 0, writtenMs: 0 };
    },
    remove: async (version) => {
      if (versionPattern.test(version)) await removeVersion(directory, version);
    },
  };
}

/**
 * Reads a version's directory and verifies it: its name against the hash of its manifest, every file against the
 * manifest. Errors: ConfigurationError MR_VERSION_MISSING; FatalError MR_VERSION_CORRUPT, which names the file.
 */
export async function openVersion(directory: string): Promise<VersionFiles> {
  const version = basename(resolve(directory));
  const path = join(directory, MANIFEST_NAME);
  const bytes = await readOr(path, () => missing(version, dirname(resolve(directory))));
  const actual = versionOf(bytes);
  if (actual !== version)
    throw corrupt(path, `belongs to version ${actual}, not to ${version}, or was changed`);
  const manifest = parseManifest(bytes, path);
  return new VerifiedVersion(version, manifest, await readFiles(directory, manifest));
}

async function readFiles(directory: string, { files }: VersionManifest): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer>();
  for (const { name, bytes: size, sha256: expected } of files) {
    const path = join(directory, name);
    const bytes = await readOr(path, () => corrupt(path, 'is not there'));
    if (bytes.length !== size) throw corrupt(path, `has ${bytes.length} bytes; the manifest says ${size}`);
    if (sha256(bytes) !== expected) throw corrupt(path, 'has a SHA-256 other than in the manifest');
    contents.set(name, bytes);
  }
  return contents;
}

class VerifiedVersion implements VersionFiles {
  readonly version: string;
  readonly manifest: VersionManifest;
  readonly #contents: ReadonlyMap<string, Buffer>;

  constructor(version: string, manifest: VersionManifest, contents: ReadonlyMap<string, Buffer>) {
    this.version = version;
    this.manifest = manifest;
    this.#contents = contents;
  }

  get names(): readonly string[] {
    return [...this.#contents.keys()];
  }

  read(name: string): Buffer {
    const bytes = this.#contents.get(name);
    if (bytes === undefined) throw corrupt(join(this.version, name), 'is not part of the version');
    return bytes;
  }
}

async function writeVersion(
  root: string,
  description: VersionDescription,
  contents: VersionContents,
): Promise<string> {
  const manifest = encodeManifest(description, contents);
  const version = versionOf(manifest);
  const place = join(root, version);
  if (await isWhole(place)) {
    const now = new Date();
    await utimes(place, now, now);
    return version;
  }
  const aside = join(root, PARTIAL_PREFIX + version);
  await rm(aside, { recursive: true, force: true });
  await mkdir(aside, { recursive: true });
  try {
    for (const [name, bytes] of Object.entries(contents)) await writeDurably(join(aside, name), bytes);
    await writeDurably(join(aside, MANIFEST_NAME), manifest);
    await sync(aside);
    await rm(place, { recursive: true, force: true });
    await rename(aside, place);
    await sync(root);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    throw error;
  }
  return version;
}

/** Out of its place first, so that a crash leaves it whole or absent. */
async function removeVersion(root: string, version: string): Promise<void> {
  const aside = join(root, PARTIAL_PREFIX + version);
  await rm(aside, { recursive: true, force: true });
  try {
    await rename(join(root, version), aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  await sync(root);
  await rm(aside, { recursive: true, force: true });
}

async function statOf(place: string): Promise<{ bytes: number; writtenMs: number } | undefined> {
  const found = await ifThere(stat(place));
  if (found === undefined) return undefined;
  const files = await Promise.all((await namesIn(place)).map((name) => ifThere(stat(join(place, name)))));
  return { bytes: files.reduce((total, file) => total + (file?.size ?? 0), 0), writtenMs: found.mtimeMs };
}

/** Whether a version is there and sound; one that was damaged is to be written again. */
async function isWhole(place: string): Promise<boolean> {
  try {
    await openVersion(place);
    return true;
  } catch (error) {
    const code = errorCode(error);
    if (code === 'MR_VERSION_MISSING' || code === 'MR_VERSION_CORRUPT') return false;
    throw error;
  }
}

async function readOr(path: string, absent: () => Error): Promise<Buffer> {
  const bytes = await ifThere(readFile(path));
  if (bytes === undefined) throw absent();
  return bytes;
}

function missing(version: string, directory: string): ConfigurationError {
  return new ConfigurationError('MR_VERSION_MISSING', `There is no version ${version} in ${directory}.`, {
    hint: 'Copy it here from the data directory that trained it, or keep versions where all have them (option storage): a running start loads it by itself, within half a minute. Or train again.',
  });
}
