/** What tests need of the vault, and nobody else may have: vaults on any log, and the keys as they are sealed. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { avroSerde, textKey } from '#engine';
import { type Log, openEmbeddedLog, openSimulatedLog, type SchemaRegistry } from '#log';
import { createLogger, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { avroSchema, topics } from '#schemas';
import type { VaultTopic } from '../followed-view.ts';
import { masterKeyFiles } from '../master-key.ts';
import { openVault, type Vault, type VaultOptions } from '../vault.ts';

/** The topic of a log's vault, made where it is missing. */
export async function vaultTopic(log: Log, registry: SchemaRegistry): Promise<VaultTopic> {
  const { name, partitions, cleanup, schema } = topics.vault;
  await log.createTopics([topics.vault]);
  const value = await avroSerde<never>(registry, `${name}-value`, avroSchema(schema));
  return { name, partitions, cleanup, key: textKey, value };
}

/** A vault with its key in `directory`, or as `options` say. */
export async function openTestVault(
  log: Log,
  registry: SchemaRegistry,
  directory: string,
  options: Partial<VaultOptions> = {},
): Promise<Vault> {
  return openVault({
    log,
    topic: await vaultTopic(log, registry),
    directory,
    dataDirectory: directory,
    keys: masterKeyFiles(directory),
    clock: systemClock,
    logger: createLogger({ level: 'silent', name: 'test' }),
    ...options,
  });
}

/** The sealed keys of all users in a directory's view, to be looked for byte by byte when one is destroyed. */
export function keysInVault(directory: string): readonly Buffer[] {
  const database = new DatabaseSync(join(directory, 'pseudonyms-view.sqlite'), { readOnly: true });
  const rows = database.prepare("SELECT sealed FROM vault WHERE key <> 'lookup-key'").all();
  database.close();
  return rows.map(({ sealed }) => Buffer.from(sealed as Uint8Array));
}

/** A vault on a log of its own, until the test ends. */
export async function loneVault(t: TestContext): Promise<Vault> {
  const log = openSimulatedLog({ clock: systemClock, random: Math.random });
  const vault = await openTestVault(log, log.registry, temporaryDirectory(t));
  t.after(async () => {
    await vault.close();
    await log.close();
  });
  return vault;
}

/** Whom the vault of a restored directory knows. */
export async function knownIn(
  directory: string,
  ...userIds: readonly string[]
): Promise<readonly (string | undefined)[]> {
  const log = await openEmbeddedLog({ directory, clock: systemClock });
  const vault = await openTestVault(log, log.registry, directory);
  try {
    return userIds.map((userId) => vault.known(userId));
  } finally {
    await vault.close();
    await log.close();
  }
}
