/** Creating, listing and revoking API keys, by records on their topic. */
import { readableRecords, type Topic, writeRecords } from '#engine';
import type { Log } from '#log';
import { type Clock, InputError } from '#platform';
import type { ApiKey } from '#schemas';
import { hashOf, newApiKey } from './api-keys.ts';
import type { Grant } from './grants.ts';

type KeysTopic = {
  readonly log: Log;
  readonly topic: Topic<string, ApiKey>;
  readonly clock: Clock;
};

export type ListedApiKey = Omit<ApiKey, 'hash'>;

const NAME = /^[\w.-]{1,64}$/;

/**
 * Creates a key and returns it: nobody can learn it later. Errors: InputError MR_ACCESS_KEY_NAME, MR_ACCESS_KEY_EXISTS.
 */
export async function createApiKey(
  keys: KeysTopic,
  { name, granted }: { readonly name: string; readonly granted: readonly Grant[] },
): Promise<string> {
  if (!NAME.test(name)) {
    throw new InputError('MR_ACCESS_KEY_NAME', `${JSON.stringify(name)} is no name of a key.`, {
      hint: 'Use 1 to 64 letters, digits and _ . -',
    });
  }
  const current = (await readKeys(keys)).get(name);
  if (current?.revoked_ts === null) {
    throw new InputError('MR_ACCESS_KEY_EXISTS', `There is a valid key ${name}.`, {
      hint: `Choose another name, or revoke it first: millrace keys revoke ${name}`,
    });
  }
  const key = newApiKey();
  const created_ts = keys.clock.now();
  await write(keys, { name, hash: hashOf(key), grants: [...granted], created_ts, revoked_ts: null });
  return key;
}

/** Resolves when the revocation is durable; servers learn of it within a second or two. Errors: MR_ACCESS_KEY_UNKNOWN. */
export async function revokeApiKey(keys: KeysTopic, name: string): Promise<void> {
  const current = (await readKeys(keys)).get(name);
  if (current?.revoked_ts !== null) {
    throw new InputError('MR_ACCESS_KEY_UNKNOWN', `There is no valid key ${JSON.stringify(name)}.`, {
      hint: 'List them: millrace keys list',
    });
  }
  await write(keys, { ...current, revoked_ts: keys.clock.now() });
}

/** All keys by their time of creation, revoked ones included, without hashes. */
export async function listApiKeys(keys: Omit<KeysTopic, 'clock'>): Promise<readonly ListedApiKey[]> {
  const found = [...(await readKeys(keys)).values()].map(({ hash: _, ...listed }) => listed);
  return found.sort((a, b) => a.created_ts - b.created_ts);
}

async function readKeys({ log, topic }: Omit<KeysTopic, 'clock'>): Promise<ReadonlyMap<string, ApiKey>> {
  const found = new Map<string, ApiKey>();
  for await (const records of readableRecords(log, topic, { from: 'start' })) {
    for (const { key, value } of records) {
      if (value === null) found.delete(key);
      else found.set(key, value);
    }
  }
  return found;
}

async function write({ log, topic }: KeysTopic, key: ApiKey): Promise<void> {
  const timestamp = key.revoked_ts ?? key.created_ts;
  await writeRecords(log, topic, [{ key: key.name, value: key, timestamp }]);
}
