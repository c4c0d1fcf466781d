/** The certificate of the HTTP server: read from files, which may be replaced while it serves. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Server } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import type { Clock } from '../clock.ts';
import { ConfigurationError, errorCode } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Gauge, Metrics } from '../metrics.ts';

/** How often the files are looked at, ms. */
const LOOK_EVERY_MS = 2_000;

/** How long the server may show another certificate than its file holds after a renewal, ms. */
export const CERTIFICATE_RENEWAL_MS = 2 * LOOK_EVERY_MS;

/** Paths of PEM files. */
export type CertificateFiles = {
  /** The server's own certificate first, then those between it and its authority. */
  readonly certificate: string;
  readonly key: string;
  /** Whose certificates make their holder a process on the same log. */
  readonly authority?: string | undefined;
};

/** The contents of the files. */
export type CertificateContents = {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string | undefined;
};

type Environment = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly lookEveryMs?: number;
};

/**
 * Follows its files: what replaces them is used for new connections, as soon as certificate and key belong together. Files that
 * cannot be used are logged once, and the certificate before stays.
 */
export class ServedCertificate {
  readonly #files: CertificateFiles;
  readonly #environment: Environment;
  readonly #expiry: Gauge;
  readonly #servers = new Set<Server>();
  readonly #timer: NodeJS.Timeout;
  #contents: CertificateContents;
  #seen: string;

  private constructor(files: CertificateFiles, environment: Environment) {
    this.#files = files;
    this.#environment = environment;
    this.#seen = versionOf(files);
    const help = 'When the certificate of the HTTP server expires, seconds since the epoch.';
    this.#expiry = environment.metrics.gauge('http_certificate_expires_seconds', help);
    this.#contents = this.#read();
    const { lookEveryMs = LOOK_EVERY_MS } = environment;
    this.#timer = setInterval(() => this.#look(), lookEveryMs).unref();
  }

  /** Errors: ConfigurationError MR_HTTP_CERTIFICATE, which names the option. */
  static open(files: CertificateFiles, environment: Environment): ServedCertificate {
    return new ServedCertificate(files, environment);
  }

  get contents(): CertificateContents {
    return this.#contents;
  }

  /** Whether clients may present certificates, which identify processes on the same log. */
  get asksClients(): boolean {
    return this.#files.authority !== undefined;
  }

  /** For Node's server, whose new connections then have what the files have. */
  get context(): SecureContextOptions {
    const { certificate, key, authority } = this.#contents;
    return { cert: certificate, key, ...(authority !== undefined && { ca: authority }) };
  }

  follow(server: Server): void {
    this.#servers.add(server);
    server.once('close', () => this.#servers.delete(server));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { logger } = this.#environment;
    const version = versionOf(this.#files);
    if (version === this.#seen) return;
    this.#seen = version;
    try {
      this.#contents = this.#read();
      for (const server of this.#servers) server.setSecureContext(this.context);
      logger.warn({ option: 'http.tlsCertificate' }, 'the certificate of the HTTP server was renewed');
    } catch (err) {
      logger.error({ err }, 'the new certificate of the HTTP server cannot be used: the one before stays');
    }
  }

  #read(): CertificateContents {
    const { certificate: path, key: keyPath, authority: authorityPath } = this.#files;
    const certificate = readPem(path, 'http.tlsCertificate');
    const key = readPem(keyPath, 'http.tlsKey');
    const authority = authorityPath && readPem(authorityPath, 'http.tlsAuthority');
    const own = parsed(
      () => new X509Certificate(certificate),
      'http.tlsCertificate',
      `${path} has no certificate`,
    );
    const parsedKey = parsed(
      () => createPrivateKey(key),
      'http.tlsKey',
      `${keyPath} has no private key without a password`,
    );
    if (authority !== undefined) {
      parsed(
        () => new X509Certificate(authority),
        'http.tlsAuthority',
        `${authorityPath} has no certificate`,
      );
    }
    if (!own.checkPrivateKey(parsedKey))
      throw unusable('http.tlsKey', `${keyPath} is not the key of ${path}`);
    const now = this.#environment.clock.now();
    const expires = own.validToDate.getTime();
    if (expires <= now)
      throw unusable('http.tlsCertificate', `${path} expired at ${own.validToDate.toISOString()}`);
    if (own.validFromDate.getTime() > now) {
      throw unusable('http.tlsCertificate', `${path} is not valid before ${own.validFromDate.toISOString()}`);
    }
    this.#expiry.set(expires / 1_000);
    return { certificate, key, authority };
  }
}

/** Changes with the files; a link that is pointed elsewhere is another file. */
function versionOf({ certificate, key, authority }: CertificateFiles): string {
  const paths = authority === undefined ? [certificate, key] : [certificate, key, authority];
  return paths
    .map((path) => {
      const file = statSync(path, { throwIfNoEntry: false });
      return `${file?.ino} ${file?.mtimeMs} ${file?.size}`;
    })
    .join();
}

function readPem(path: string, option: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw unusable(option, `${path} cannot be read (${errorCode(cause)})`);
  }
}

function parsed<T>(parse: () => T, option: string, problem: string): T {
  try {
    return parse();
  } catch {
    // What OpenSSL tells of a key may quote it.
    throw unusable(option, problem);
  }
}

function unusable(option: string, problem: string): ConfigurationError {
  return new ConfigurationError('MR_HTTP_CERTIFICATE', `Option ${option} cannot be used: ${problem}.`, {
    hint: 'Point http.tlsCertificate and http.tlsKey at PEM files that belong together and are valid now.',
  });
}
