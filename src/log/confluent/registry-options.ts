import {
  ConfigurationError,
  type Credentials,
  credentialsOf,
  readAuthorities,
  refuseOtherParameters,
} from '#platform';

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

const DEFAULT_TIMEOUT_MS = 30_000;

const parameters = ['prefix', 'ca'];

/**
 * Reads `http(s)://[user:password@]host[:port][/path][?parameter=value...]`: prefix (before every subject) and ca (a
 * file of certificates, PEM). Errors: MR_SCHEMA_REGISTRY_URL, whose text shows no password.
 */
export function parseRegistryUrl(text: string, secrets: Credentials = {}): ConfluentRegistryOptions {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw wrongUrl('it is no http:// or https:// URL');
  }
  refuseOtherParameters(url.searchParams, parameters, wrongUrl);
  const { username, password } = credentialsOf(url, secrets, wrongUrl);
  if (password !== undefined && username === undefined) throw wrongUrl('there is a password without a user');
  const ca = url.searchParams.get('ca');
  return {
    url: `${url.origin}${url.pathname.replace(/\/+$/, '')}`,
    prefix: url.searchParams.get('prefix') ?? '',
    timeoutMs: DEFAULT_TIMEOUT_MS,
    ...(username !== undefined && { username, password: password ?? '' }),
    ...(ca !== null && { ca: readAuthorities(ca, wrongUrl) }),
  };
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
