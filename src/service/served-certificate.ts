/** The certificate of this process's HTTP server, and how those who ask it know it. */
import { readFileSync } from 'node:fs';
import {
  CERTIFICATE_RENEWAL_MS,
  ConfigurationError,
  httpsFetch,
  type Logger,
  type Metrics,
  ServedCertificate,
  type Shutdown,
  systemClock,
  trustingOnly,
} from '#platform';
import type { Configuration } from './configuration.ts';

/** Errors: MR_CONFIG_CONTRADICTION for options that require each other. */
export function requireSoundCertificate({ http }: Pick<Configuration, 'http'>): void {
  const { tlsCertificate, tlsKey, tlsAuthority } = http;
  const isMissing = (tlsAuthority ?? tlsKey ?? tlsCertificate) !== undefined;
  if (!isMissing || (tlsCertificate !== undefined && tlsKey !== undefined)) return;
  throw new ConfigurationError(
    'MR_CONFIG_CONTRADICTION',
    'http.tlsCertificate or http.tlsKey is missing; the other TLS options have no effect without them.',
    { hint: 'Set both, or none of http.tlsCertificate, http.tlsKey and http.tlsAuthority.' },
  );
}

/** Returns the certificate, opened at the first call and closed by `shutdown`; undefined if the server speaks HTTP. */
export function certificateOnce(
  { http }: Pick<Configuration, 'http'>,
  shutdown: Shutdown,
  environment: { readonly logger: Logger; readonly metrics: Metrics },
): () => ServedCertificate | undefined {
  const { tlsCertificate: certificate, tlsKey: key, tlsAuthority: authority } = http;
  let opened: ServedCertificate | undefined;
  return () => {
    if (opened !== undefined || certificate === undefined || key === undefined) return opened;
    const own = ServedCertificate.open(
      { certificate, key, authority },
      { ...environment, clock: systemClock },
    );
    shutdown.add('certificate', async () => own.close());
    opened = own;
    return own;
  };
}

/**
 * For this machine's own programs, which find the server's certificate where it does. The process that serves passes what it
 * shows at the moment; others read the file, which the server may take over later.
 */
export function fetchByCertificate(
  { http: { tlsCertificate } }: Pick<Configuration, 'http'>,
  served?: Pick<ServedCertificate, 'contents'>,
): typeof fetch | undefined {
  if (tlsCertificate === undefined) return undefined;
  const certificate = () => served?.contents.certificate ?? readFileSync(tlsCertificate, 'utf8');
  return httpsFetch(() => trustingOnly(certificate()), { renewalMs: CERTIFICATE_RENEWAL_MS });
}
