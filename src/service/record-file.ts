import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode, FatalError, makePrivateDirectory } from '#platform';

/** Over the value as it is written. Absent in files of earlier releases. */
type Checked = { readonly sha256?: string };

/** Writes a small JSON file so that it is either the old or the new one, after a power failure as well, with its checksum. */
export function writeRecordFile(path: string, value: object): void {
  const directory = dirname(path);
  makePrivateDirectory(directory);
  const temporary = `${path}.${process.pid}`;
  const file = openSync(temporary, 'w');
  writeSync(file, `${JSON.stringify({ ...value, sha256: checksumOf(value) }, null, 2)}\n`);
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
  let parsed: T & Checked;
  try {
    parsed = JSON.parse(text) as T & Checked;
  } catch (cause) {
    throw damaged(path, cause);
  }
  const { sha256, ...value } = parsed;
  // The name may be what was damaged.
  const isChecked = text.includes('sha') || text.includes('256');
  if (isChecked && sha256 !== checksumOf(value)) throw damaged(path);
  return value as unknown as T;
}

function checksumOf(value: object): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

function damaged(path: string, cause?: unknown): FatalError {
  return new FatalError('MR_DATA_CORRUPT', `${path} is damaged.`, {
    hint: 'Restore it from a backup, or start over in another directory with --data DIR.',
    cause,
  });
}
