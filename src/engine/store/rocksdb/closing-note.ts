/**
 * What a database's list of files was when it was closed. RocksDB takes a MANIFEST with a damaged entry near its end for one
 * that a crash has cut short: it opens as an older database, without error, and deletes the files of what came later. In a database
 * that was closed nothing is cut short, so its MANIFEST must be the one that was left; asked before it is opened, nothing
 * is deleted. One that a kill has left has no such note: see WriteMarks.
 */
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from '#platform';

const NAME = 'CLOSED';

/** To be called once the database is closed. Where there is no room for it, there is none. */
export function noteClosing(directory: string): void {
  try {
    writeFileSync(join(directory, NAME), listOfFiles(directory));
  } catch {
    forgetClosing(directory);
  }
}

/** To be called before the database is opened, which changes the list. */
export function forgetClosing(directory: string): void {
  rmSync(join(directory, NAME), { force: true });
}

/** Undefined where all is as it was left, and where nothing was noted. */
export function problemSinceClosing(directory: string): string | undefined {
  const noted = textOf(join(directory, NAME));
  // Power failed before it was on disk.
  if (noted === undefined || noted === '') return undefined;
  try {
    if (listOfFiles(directory) === noted) return undefined;
  } catch {
    // CURRENT is gone, or names what is no file.
  }
  return `the MANIFEST of ${directory} is not the one that it was closed with`;
}

/** A hash of the MANIFEST and of its name. */
function listOfFiles(directory: string): string {
  const current = readFileSync(join(directory, 'CURRENT'), 'utf8');
  const manifest = readFileSync(join(directory, current.trim()));
  return createHash('sha256').update(current).update(manifest).digest('hex');
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
