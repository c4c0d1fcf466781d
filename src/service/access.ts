/** The access of this process's HTTP server, and the topic of its API keys. */
import { openAccess, requireProtection } from '#access';
import { type AccessControl, ConfigurationError, type Shutdown, systemClock } from '#platform';
import { leaveOutUndecodable, openTopic, type Topics } from '#topologies';
import type { Configuration } from './configuration.ts';
import { type LogInstallation, openLogInstallation } from './installation.ts';
import { withShutdown } from './interruption.ts';
import { operations } from './operations.ts';

/** Opens the topic of API keys, for processes that need no other topic of the product. */
async function keysTopic({ log, registry, logger, metrics }: LogInstallation): Promise<Topics['api-keys']> {
  return openTopic('api-keys', log, registry, leaveOutUndecodable({ logger, metrics }));
}

/** The log of a configuration, opened for `work` on the API keys alone; a new data directory may get keys before its first start. */
export async function withLog<T>(
  configuration: Configuration,
  work: (opened: LogInstallation & { readonly keys: Topics['api-keys'] }) => Promise<T>,
): Promise<T> {
  return withShutdown(configuration, async (shutdown) => {
    const installation = await openLogInstallation(configuration, shutdown);
    return work({ ...installation, keys: await keysTopic(installation) });
  });
}

/**
 * Refuses to go on where the server could not be opened in the end. Errors: ConfigurationError MR_ACCESS_UNPROTECTED,
 * MR_CONFIG_INVALID for a limit of a route that does not exist.
 */
export async function checkAccess(installation: LogInstallation): Promise<void> {
  const { limits } = installation.configuration;
  const unknown = Object.keys(limits.routes).find((id) => operations.every((each) => each.id !== id));
  if (unknown !== undefined) {
    throw new ConfigurationError(
      'MR_CONFIG_INVALID',
      `Option limits.routes names ${unknown}, which is no route.`,
      {
        hint: 'Use the operation ids of docs/openapi.json, such as recommendMany.',
      },
    );
  }
  await requireProtection({ ...installation, topic: await keysTopic(installation) });
}

/** `ownToken`: for the programs of this process that ask its server. Errors: those of openAccess. */
export async function serverAccess(
  installation: LogInstallation,
  shutdown: Shutdown,
  ownToken?: string,
): Promise<AccessControl> {
  const topic = await keysTopic(installation);
  const namespace = installation.identity;
  const access = await openAccess({ ...installation, topic, ownToken, namespace, clock: systemClock });
  shutdown.add('access', () => access.close());
  installation.secrets.onRenewal((secrets) => access.renew(secrets));
  return access;
}
