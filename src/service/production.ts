/** What profile prod refuses. */
import { parseKafkaUrl } from '#log';
import { ConfigurationError, isLoopback } from '#platform';
import type { Configuration } from './configuration.ts';

type Chosen = Pick<Configuration, 'profile' | 'http' | 'access' | 'log' | 'kafka'>;

/**
 * For what serves: errors ConfigurationError MR_CONFIG_PRODUCTION, which names every option that is not fit for profile prod.
 * That somebody can authenticate is known by the log, which may have API keys: see requireProtection.
 */
export function requireFitForProduction(configuration: Chosen): void {
  if (configuration.profile !== 'prod') return;
  const problems = unfit(configuration);
  if (problems.length === 0) return;
  throw new ConfigurationError(
    'MR_CONFIG_PRODUCTION',
    `Profile prod refuses to start: ${problems.join('; ')}.`,
    {
      hint: 'Set the named options, in millrace.config.prod.json for instance; docs/SECURITY.md says what each is for.',
    },
  );
}

function unfit({ http, access, log, kafka }: Chosen): readonly string[] {
  const problems: string[] = [];
  if (access.insecure === 'on') problems.push('access.insecure is on, so no token is required');
  if (isLoopback(http.host) && access.loopback !== 'token') {
    problems.push('access.loopback is not token, so callers on this machine need no token');
  }
  if (http.proxyTls !== 'on' && http.tlsCertificate === undefined) {
    problems.push(
      'http.tlsCertificate is not set, and http.proxyTls does not state that a proxy in front of the server has TLS',
    );
  }
  if (log !== 'embedded' && parseKafkaUrl(log, kafka).replication === -1) {
    problems.push(
      'the address of option log has no parameter replication, for the replicas of the topics created',
    );
  }
  return problems;
}
