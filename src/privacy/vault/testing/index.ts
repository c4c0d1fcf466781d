/** What tests of erasures need of the vault, and nobody else may have: the keys themselves. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { VAULT_FILE_NAME } from '../vault-file.ts';

/** The keys of all users in the vault of a directory, to be looked for byte by byte when one is destroyed. */
export function keysInVault(directory: string): readonly Buffer[] {
  const database = new DatabaseSync(join(directory, VAULT_FILE_NAME), { readOnly: true });
  const rows = database.prepare('SELECT key FROM keys').all();
  database.close();
  return rows.map(({ key }) => Buffer.from(key as Uint8Array));
}
