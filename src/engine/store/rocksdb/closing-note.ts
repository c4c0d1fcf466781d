/**
 * The list of files that a database was closed with. RocksDB takes a MANIFEST with a damaged entry near its end for one
 * that a crash has cut short: it opens as an older database, without error, and deletes the files of what came later. In a
 * closed database nothing is cut short, so its MANIFEST must begin as noted; asked before it is opened, nothing is deleted.
 * A killed one has no such note: see WriteMarks.
 *
 * The note is written while the owner holds RocksDB's lock, and judged by openers that do not hold it yet. This is safe as
 * nobody changes what it describes: a MANIFEST is appended to, and each opening begins another one, whose name makes an
 * older note void.
 */
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode, invariant } from '#platform';

const NAME = 'CLOSED';

type Note = {
  readonly manifest: string;
  /** How many of its bytes are hashed: work in the background may append to it until the database is closed. */
  readonly length: number;
  readonly hash: string;
};

/** To be called by the owner, with everything flushed, before it closes the database. Without room, there is no note. */
export function noteClosing(directory: string): void {
  const path = join(directory, NAME);
  try {
    const manifest = currentManifest(directory);
    invariant(manifest !== undefined, `${directory} has no CURRENT`);
    const bytes = readFileSync(join(directory, manifest));
    const note: Note = { manifest, length: bytes.length, hash: hashOf(bytes) };
    writeFileSync(path, JSON.stringify(note));
  } catch {
    rmSync(path, { force: true });
  }
}

/** To be asked before the database is opened. Undefined if it is as it was left, or in use, or has no note. */
export function problemSinceClosing(directory: string): string | undefined {
  const text = textOf(join(directory, NAME));
  const note = text === undefined ? undefined : parse(text);
  if (note === undefined || isAsNoted(directory, note)) return undefined;
  // Destroyed and created again meanwhile, it may have a MANIFEST of the same name.
  if (textOf(join(directory, NAME)) !== text) return undefined;
  return `the MANIFEST of ${directory} is not the one that it was closed with`;
}

function isAsNoted(directory: string, { manifest, length, hash }: Note): boolean {
  const current = currentManifest(directory);
  if (current === undefined) return false;
  if (current !== manifest) return true;
  try {
    return hashOf(readFileSync(join(directory, manifest)).subarray(0, length)) === hash;
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    // Another opener has replaced it, or it is lost.
    return currentManifest(directory) !== manifest;
  }
}

/** The name of the MANIFEST in use; undefined if there is no database. */
export function currentManifest(directory: string): string | undefined {
  return textOf(join(directory, 'CURRENT'))?.trim();
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A note that power loss has cut short, or that is damaged itself, says nothing. */
function parse(text: string): Note | undefined {
  try {
    const { manifest, length, hash } = JSON.parse(text) as Note;
    return { manifest, length, hash };
  } catch {
    return undefined;
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
