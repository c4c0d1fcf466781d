import { readFileSync } from 'node:fs';
import { ConfigurationError } from '#platform';

/** Where a registry is and how to talk to it. */
export type ConfluentRegistryOptions = {
  /** Scheme, host and path, without a slash at the end and without a user. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** Certificate authorities (PEM) to trust in place of the system's. */
  readonly ca?: string;
  /** In front of every subject, so that several installations can share a registry; '' by default. */
  readonly prefix: string;
  /** How long a call is tried for before it fails, ms. */
  readonly timeoutMs: number;
};

/** What should not stand in a URL; each counts before what the URL says. */
export type RegistrySecrets = {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
};

const DEFAULT_TIMEOUT_MS = 30_000;

const parameters = ['prefix', 'ca'];

/**
 * Reads `http(s)://[user:password@]host[:port][/path][?parameter=value...]`: prefix (before every subject) and ca (a
 * file of certificates, PEM). Errors: MR_SCHEMA_REGISTRY_URL, whose text shows no password.
 */
export function parseRegistryUrl(text: string, secrets: RegistrySecrets = {}): ConfluentRegistryOptions {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw wrongUrl('it is no http:// or https:// URL');
  }
  for (const name of url.searchParams.keys()) {
    if (!parameters.includes(name)) throw wrongUrl(`there is no parameter ${name}`);
  }
  const username = secrets.username ?? decoded(url.username);
  const password = secrets.password ?? decoded(url.password);
  if (password !== undefined && username === undefined) throw wrongUrl('there is a password without a user');
  const ca = url.searchParams.get('ca');
  return {
    url: `${url.origin}${url.pathname.replace(/\/+$/, '')}`,
    prefix: url.searchParams.get('prefix') ?? '',
    timeoutMs: DEFAULT_TIMEOUT_MS,
    ...(username !== undefined && { username, password: password ?? '' }),
    ...(ca !== null && { ca: readAuthorities(ca) }),
  };
}

function decoded(part: string): string | undefined {
  if (part === '') return undefined;
  try {
    return decodeURIComponent(part);
  } catch {
    throw wrongUrl('its user or password is not percent-encoded');
  }
}

function readAuthorities(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw wrongUrl(`the certificates in ${path} can't be read`, cause);
  }
}

function wrongUrl(reason: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(
    'MR_SCHEMA_REGISTRY_URL',
    `the address of the schema registry is wrong: ${reason}`,
    {
      hint: 'write http://127.0.0.1:8081 or https://user:password@host/apis/ccompat/v7?ca=FILE',
      cause,
    },
  );
}
