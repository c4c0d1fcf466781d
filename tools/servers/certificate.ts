import { join } from 'node:path';
import { requirePrograms, runToEnd } from './programs.ts';

export type CertificatePaths = { readonly certificate: string; readonly key: string };

type Wanted = {
  /** In front of the names of the files. */
  readonly prefix?: string;
  /** Whose it is, as openssl writes it; this machine's by default. */
  readonly names?: string;
  /** Who signs; by itself without one, so that it is its own authority. */
  readonly authority?: CertificatePaths;
};

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes a certificate in `directory`, valid for two days. Returns the files, PEM. */
export async function makeCertificate(
  directory: string,
  { prefix = '', names = 'IP:127.0.0.1,DNS:localhost', authority }: Wanted = {},
): Promise<CertificatePaths> {
  requirePrograms('openssl');
  const certificate = join(directory, `${prefix}certificate.pem`);
  const key = join(directory, `${prefix}key.pem`);
  const signed = authority === undefined ? [] : ['-CA', authority.certificate, '-CAkey', authority.key];
  await runToEnd('openssl', [
    ...['req', '-x509', ...KEY, ...signed, '-days', '2'],
    ...['-subj', '/CN=localhost', '-addext', `subjectAltName=${names}`],
    ...['-keyout', key, '-out', certificate],
  ]);
  return { certificate, key };
}
