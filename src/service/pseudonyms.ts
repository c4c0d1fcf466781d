/** The names of users on the log of an installation, as the option `privacy.userIds` says. */
import type { Log } from '#log';
import { ConfigurationError, type Shutdown } from '#platform';
import { asGiven, openVault, type Pseudonyms, vaultExists } from '#privacy';
import type { Configuration } from './configuration.ts';

/**
 * The vault of the data directory, made where the log is new; `shutdown` closes it. A log in which users would stand under
 * two names is refused: ConfigurationError MR_PRIVACY_USER_IDS. Errors: those of openVault.
 */
export async function openPseudonyms(
  { data, privacy }: Pick<Configuration, 'data' | 'privacy'>,
  log: Log,
  shutdown: Shutdown,
): Promise<Pseudonyms> {
  const hasVault = vaultExists(data);
  if (privacy.userIds === 'as-given') {
    if (hasVault) throw namedOtherwise(`${data} has a vault: users are on the log by pseudonyms`);
    return asGiven;
  }
  if (!hasVault && (await hasUsers(log))) {
    throw namedOtherwise(`The log has users, but ${data} has no vault with their pseudonyms`);
  }
  const vault = openVault(data);
  shutdown.add('vault of pseudonyms', async () => vault.close());
  return vault;
}

async function hasUsers(log: Log): Promise<boolean> {
  const described = await log.describeTopics(['interactions', 'users']);
  return described.some(({ offsets }) => offsets.some(({ end }) => end > 0));
}

function namedOtherwise(what: string): ConfigurationError {
  return new ConfigurationError('MR_PRIVACY_USER_IDS', `${what}.`, {
    hint: 'Set privacy.userIds to what the log was created with; "pseudonyms" requires the files pseudonyms.sqlite and pseudonyms.key of the data directory that created it.',
  });
}
