import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A log in `directory` that is not written yet: who opens it waits until `release` is called. */
export function heldLog(directory: string): { release(): void } {
  mkdirSync(directory, { recursive: true });
  const database = new DatabaseSync(join(directory, 'log.sqlite'));
  database.exec('BEGIN EXCLUSIVE');
  return { release: () => database.close() };
}
