/** The names of users on the log of an installation, as the option `privacy.userIds` says. */
import { TopicReader } from '#engine';
import { scrubLog } from '#erasure';
import type { Log } from '#log';
import { ConfigurationError, type Shutdown, systemClock } from '#platform';
import {
  asGiven,
  configuredMasterKeys,
  legacyVaultExists,
  type MasterKeys,
  masterKeyFiles,
  openVault,
  type Pseudonyms,
  type Vault,
} from '#privacy';
import type { Topics } from '#topologies';
import type { Configuration } from './configuration.ts';
import type { Installation } from './installation.ts';

const READ_MS = 100;

type Parts = Pick<Installation, 'configuration' | 'log' | 'embedded' | 'directory' | 'logger'> & {
  readonly topics: Pick<Topics, 'vault'>;
};

/**
 * The vault of the log, made where the log is new; `shutdown` closes it. A log in which users would stand under two names
 * is refused: ConfigurationError MR_PRIVACY_USER_IDS. Errors: those of openVault.
 */
export async function openPseudonyms(parts: Parts, shutdown: Shutdown): Promise<Pseudonyms> {
  const { configuration, log, topics } = parts;
  if (configuration.privacy.userIds === 'pseudonyms') return openInstalledVault(parts, shutdown);
  const { data } = configuration;
  if (legacyVaultExists(data))
    throw namedOtherwise(`${data} has a vault: users are on the log by pseudonyms`);
  if (await hasKeys(log, topics.vault)) {
    throw namedOtherwise('The log has a vault: users are on it by pseudonyms');
  }
  return asGiven;
}

/** The same where there has to be one, whatever the option says. */
export async function openInstalledVault(
  { configuration, log, embedded, directory, topics, logger }: Parts,
  shutdown: Shutdown,
): Promise<Vault> {
  const { data } = configuration;
  const isNew = !legacyVaultExists(data) && !(await isAnyOn(log, [topics.vault.name]));
  if (isNew && (await isAnyOn(log, ['interactions', 'users']))) {
    throw namedOtherwise('The log has users, but no vault with their pseudonyms');
  }
  const vault = await openVault({
    log,
    topic: topics.vault,
    directory,
    dataDirectory: data,
    keys: masterKeysOf(configuration),
    clock: systemClock,
    logger,
    ...(embedded !== undefined && { scrubLog: () => scrubLog(embedded) }),
  });
  shutdown.add('vault of pseudonyms', () => vault.close());
  return vault;
}

function masterKeysOf({ data, privacy }: Pick<Configuration, 'data' | 'privacy'>): MasterKeys {
  const { masterKey, nextMasterKey } = privacy;
  return masterKey === undefined ? masterKeyFiles(data) : configuredMasterKeys({ masterKey, nextMasterKey });
}

/** Whether the vault has a readable record: anybody may have written something else to its topic. */
async function hasKeys(log: Log, topic: Topics['vault']): Promise<boolean> {
  const reader = await TopicReader.open(log, topic, { from: 'start' });
  try {
    while (!reader.isAtEnd) {
      const records = await reader.poll(READ_MS);
      if (records.some(({ value }) => value !== null)) return true;
    }
    return false;
  } finally {
    await reader.close();
  }
}

async function isAnyOn(log: Log, topics: readonly string[]): Promise<boolean> {
  const described = await log.describeTopics(topics);
  return described.some(({ offsets }) => offsets.some(({ end }) => end > 0));
}

function namedOtherwise(what: string): ConfigurationError {
  return new ConfigurationError('MR_PRIVACY_USER_IDS', `${what}.`, {
    hint: 'Set privacy.userIds to what the log was created with; a vault of an earlier release is moved to the log by a start in the data directory that holds pseudonyms.sqlite.',
  });
}
