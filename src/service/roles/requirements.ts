/** What a process of some roles needs beside the log, so that any replica can be replaced by another with an empty disk. */
import { ConfigurationError } from '#platform';
import type { Configuration } from '../configuration.ts';
import { hasAllRoles, ROLES } from './catalogue.ts';

/**
 * Errors: ConfigurationError MR_ROLE_NEEDS, which names the role and the option. On the embedded log, processes share the data
 * directory and lack nothing.
 */
export function requireWhatRolesNeed({
  roles,
  log,
  privacy,
}: Pick<Configuration, 'roles' | 'log' | 'privacy'>): void {
  if (log === 'embedded' || hasAllRoles(roles)) return;
  if (privacy.userIds !== 'pseudonyms' || privacy.masterKey !== undefined) return;
  const role = roles.find((name) => ROLES[name].knowsUsers);
  if (role === undefined) return;
  throw new ConfigurationError(
    'MR_ROLE_NEEDS',
    `Role ${role} needs option privacy.masterKey: without it each replica would make a master key of its own, and lose it with its disk.`,
    {
      hint: 'Set privacy.masterKey (MILLRACE_PRIVACY_MASTER_KEY) to the same secret for every process on this log, such as file:/run/secrets/master-key.',
    },
  );
}
