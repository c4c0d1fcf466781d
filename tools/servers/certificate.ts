import { join } from 'node:path';
import { requirePrograms, runToEnd } from './programs.ts';

/**
 * Makes a certificate for 127.0.0.1 and localhost in `directory`, signed by itself, so that it is its own authority.
 * Returns the files, PEM.
 */
export async function makeCertificate(directory: string): Promise<{ certificate: string; key: string }> {
  requirePrograms('openssl');
  const certificate = join(directory, 'certificate.pem');
  const key = join(directory, 'key.pem');
  await runToEnd('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'],
    ...['-keyout', key, '-out', certificate],
  ]);
  return { certificate, key };
}
