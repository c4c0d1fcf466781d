import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ConfigurationError, errorCode } from '#platform';
import { corrupt, encodeManifest, manifestName, parseManifest, sha256, versionOf } from '../manifest.ts';
import type {
  ArtifactStore,
  VersionContents,
  VersionDescription,
  VersionFiles,
  VersionManifest,
} from '../port.ts';

const versionPattern = /^[0-9a-f]{16}$/;
const partialPrefix = '.partial-';

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
      const names = await readdir(directory).catch((error: unknown) => {
        if (errorCode(error) === 'ENOENT') return [];
        throw error;
      });
      const versions = names.map((name) => name.replace(partialPrefix, ''));
      return [...new Set(versions.filter((name) => versionPattern.test(name)))].sort();
    },
    stat: async (version) => {
      const places = versionPattern.test(version) ? [version, partialPrefix + version] : [];
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
  const path = join(directory, manifestName);
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
    const bytes = await readOr(path, (cause) => corrupt(path, 'is not there', cause));
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
  const aside = join(root, partialPrefix + version);
  await rm(aside, { recursive: true, force: true });
  await mkdir(aside, { recursive: true });
  try {
    for (const [name, bytes] of Object.entries(contents)) await writeDurably(join(aside, name), bytes);
    await writeDurably(join(aside, manifestName), manifest);
    await syncDirectory(aside);
    await rm(place, { recursive: true, force: true });
    await rename(aside, place);
    await syncDirectory(root);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    throw error;
  }
  return version;
}

/** Out of its place first, so that a crash leaves it whole or absent. */
async function removeVersion(root: string, version: string): Promise<void> {
  const aside = join(root, partialPrefix + version);
  await rm(aside, { recursive: true, force: true });
  try {
    await rename(join(root, version), aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  await syncDirectory(root);
  await rm(aside, { recursive: true, force: true });
}

async function statOf(place: string): Promise<{ bytes: number; writtenMs: number } | undefined> {
  try {
    const { mtimeMs: writtenMs } = await stat(place);
    const names = await readdir(place);
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(place, name))).size));
    return { bytes: sizes.reduce((total, size) => total + size, 0), writtenMs };
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
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

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the names in a directory durable. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function readOr(path: string, absent: (cause: unknown) => Error): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = errorCode(error);
    throw code === 'ENOENT' || code === 'ENOTDIR' ? absent(error) : error;
  }
}

function missing(version: string, directory: string): ConfigurationError {
  return new ConfigurationError('MR_VERSION_MISSING', `There is no version ${version} in ${directory}.`, {
    hint: 'Copy it here from the data directory that trained it: a running start loads it by itself, within half a minute. Or train again.',
  });
}
