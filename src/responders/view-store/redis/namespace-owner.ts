import { ConfigurationError } from '#platform';
import type { RedisConnection } from './connection.ts';
import { Keyspace } from './keyspace.ts';
import { claimNamespace } from './scripts.ts';

/**
 * Takes the namespace for the log of the connection; it stays its log's until somebody deletes the key. Errors:
 * ConfigurationError MR_VIEWS_FOREIGN where it is another log's, whose views would be taken for outdated ones of this log.
 */
export async function claimOwnNamespace(connection: RedisConnection): Promise<void> {
  const { owner } = connection;
  if (owner === undefined) return;
  const claimed = await connection.run(claimNamespace, [ownerKey(connection)], [owner.id, owner.name]);
  if (claimed === 0) throw foreign(connection, (await ownerOf(connection)) ?? 'another log');
}

/** The same for who only reads: a namespace that nobody has taken is left as it is. */
export async function requireOwnNamespace(connection: RedisConnection): Promise<void> {
  const { owner } = connection;
  if (owner === undefined) return;
  const found = await ownerOf(connection);
  if (found !== undefined && found.split('\n')[0] !== owner.id) throw foreign(connection, found);
}

function ownerKey({ namespace }: RedisConnection): string {
  return new Keyspace(namespace).control('owner');
}

async function ownerOf(connection: RedisConnection): Promise<string | undefined> {
  return (await connection.get(ownerKey(connection)))?.toString();
}

function foreign(connection: RedisConnection, found: string): ConfigurationError {
  const { name, namespace } = connection;
  const [id, owner = id] = found.split('\n');
  return new ConfigurationError(
    'MR_VIEWS_FOREIGN',
    `The namespace ${namespace} of Redis at ${name} belongs to another log: ${owner} (${id}).`,
    {
      hint: `Omit ?namespace= in option views, or choose another one. If that log no longer exists: redis-cli DEL '${ownerKey(connection)}'.`,
    },
  );
}
