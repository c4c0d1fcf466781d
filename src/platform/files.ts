/** Files that survive a crash, and what to make of those that are not there. */
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode } from './errors.ts';

/** Prefix of what is being written; what a crash has left of it is of no use to anyone. */
export const PARTIAL_PREFIX = '.partial-';

/** Makes a directory, and those above it, that only this user may look into. One that is there stays as it is. */
export function makePrivateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

/** Undefined where the file or directory that `reading` needs is not there. */
export async function ifThere<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** The names in a directory, sorted; none where it is not there. */
export async function namesIn(directory: string): Promise<readonly string[]> {
  return ((await ifThere(readdir(directory))) ?? []).sort();
}

/** Removes what crashed writers have left in `directory`; of those that share it, the ones whose prefix is given. */
export async function removePartial(directory: string, prefix = PARTIAL_PREFIX): Promise<void> {
  for (const name of await namesIn(directory)) {
    if (name.startsWith(prefix)) await rm(join(directory, name), { recursive: true, force: true });
  }
}

/** Writes a file that survives a power failure once its directory is synced, too. */
export async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Writes a file whole or not at all, also where power fails meanwhile; one that is there is replaced. */
export async function replaceDurably(path: string, bytes: Uint8Array): Promise<void> {
  const aside = join(dirname(path), PARTIAL_PREFIX + basename(path));
  try {
    await writeDurably(aside, bytes);
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
  await sync(dirname(path));
}

/** Makes a file's contents, or a directory's names, survive a power failure. */
export async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

export type Fingerprint = { readonly sha256: string; readonly bytes: number };

/** Hash and length of a file, read in pieces. */
export async function fingerprint(path: string): Promise<Fingerprint> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of createReadStream(path)) {
    hash.update(piece as Buffer);
    bytes += (piece as Buffer).length;
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** What tells a file from the one that was written; undefined where nothing does. */
export async function fileProblem(path: string, written: Fingerprint): Promise<string | undefined> {
  const found = await ifThere(stat(path));
  if (found === undefined) return 'is not there';
  if (found.size !== written.bytes) return `has ${found.size} bytes, but was written with ${written.bytes}`;
  const { sha256 } = await fingerprint(path);
  return sha256 === written.sha256 ? undefined : 'has a SHA-256 other than when it was written';
}
