import { randomBytes, randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode } from '#platform';

const KEY_BYTES = 32;

/** The key of the file, made where there is none: by one process, however many come at once. Undefined: no such key. */
export function masterKeyAt(path: string, { mayMake }: { readonly mayMake: boolean }): Buffer | undefined {
  const known = read(path);
  if (known !== undefined || !mayMake) return known;
  const aside = `${path}.${randomUUID()}`;
  writeDurably(aside, randomBytes(KEY_BYTES));
  try {
    // Unlike a rename it fails where another process was quicker, whose key then counts.
    linkSync(aside, path);
    syncDirectory(dirname(path));
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  } finally {
    unlinkSync(aside);
  }
  return read(path);
}

function read(path: string): Buffer | undefined {
  try {
    const bytes = readFileSync(path);
    return bytes.length === KEY_BYTES ? bytes : undefined;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function writeDurably(path: string, bytes: Buffer): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, bytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
