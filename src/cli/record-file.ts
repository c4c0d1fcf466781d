import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode, FatalError } from '#platform';

/** Writes a small JSON file so that it is either the old or the new one, after a power failure as well. */
export function writeRecordFile(path: string, value: object): void {
  const directory = dirname(path);
  mkdirSync(directory, { recursive: true });
  const temporary = `${path}.${process.pid}`;
  const file = openSync(temporary, 'w');
  writeSync(file, `${JSON.stringify(value, null, 2)}\n`);
  fsyncSync(file);
  closeSync(file);
  renameSync(temporary, path);
  const folder = openSync(directory, 'r');
  fsyncSync(folder);
  closeSync(folder);
}

/** What was written, or undefined. FatalError MR_DATA_CORRUPT for a file that is not what was written. */
export function readRecordFile<T extends object>(path: string): T | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new FatalError('MR_DATA_CORRUPT', `${path} is damaged.`, {
      hint: 'Restore it from a copy, or begin anew in another directory with --data DIR.',
      cause,
    });
  }
}
