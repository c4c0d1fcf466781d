import {
  ConfigurationError,
  type Credentials,
  credentialsOf,
  readAuthorities,
  refuseOtherParameters,
} from '#platform';

export type RedisAddress = {
  readonly host: string;
  readonly port: number;
  readonly database: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: { readonly ca: string | undefined } | undefined;
  /** The first part of every key: what keeps several installations apart in one Redis. */
  readonly namespace: string;
};

/** The log that the views are derived from: no two logs have the same id. */
export type ViewsOwner = {
  readonly id: string;
  /** For messages: where the log is. */
  readonly name: string;
};

/**
 * Where the views lie. User and password override those of the address. With an owner, the namespace follows it where the
 * address names none, and one that belongs to another log is refused.
 */
export type RedisLocation = Credentials & { readonly url: string; readonly owner?: ViewsOwner };

const DEFAULT_PORT = 6379;
/** Without an owner, and what every log had by default before namespaces had owners. */
export const COMMON_NAMESPACE = 'millrace';
const parameters = ['namespace', 'ca'];

/**
 * `redis://USER:PASSWORD@HOST:PORT/DATABASE?namespace=NAME`, or `rediss://` for TLS, with `&ca=FILE` where the server's
 * authority is not among the system's (PEM). All but the host may be left out. Errors: MR_REDIS_URL, without the
 * password.
 */
export function parseRedisUrl({ url: text, owner, ...secrets }: RedisLocation): RedisAddress {
  if (!URL.canParse(text)) throw wrong('it is not a URL');
  const url = new URL(text);
  const { protocol, hostname, port, pathname, searchParams } = url;
  if (protocol !== 'redis:' && protocol !== 'rediss:') {
    throw wrong('it starts with neither redis:// nor rediss://');
  }
  if (hostname === '') throw wrong('it names no host');
  const database = /^\/?(\d{0,4})\/?$/.exec(pathname)?.[1];
  if (database === undefined) throw wrong('the part after the port is not a database number');
  refuseOtherParameters(searchParams, parameters, wrong);
  const namespace = searchParams.get('namespace') ?? namespaceOf(owner);
  if (!/^[\w.-]{1,64}$/.test(namespace)) {
    throw wrong('the namespace has characters other than letters, digits and _ . -, or more than 64');
  }
  const ca = searchParams.get('ca') ?? undefined;
  if (ca !== undefined && protocol === 'redis:') throw wrong('ca is for rediss:// only');
  const { username, password } = credentialsOf(url, secrets, wrong);
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? DEFAULT_PORT : Number(port),
    database: Number(database),
    username,
    password,
    tls:
      protocol === 'rediss:' ? { ca: ca === undefined ? undefined : readAuthorities(ca, wrong) } : undefined,
    namespace,
  };
}

function namespaceOf(owner: ViewsOwner | undefined): string {
  return owner === undefined ? COMMON_NAMESPACE : `${COMMON_NAMESPACE}-${owner.id}`;
}

/** For messages: without user and password. */
export function redisName({ host, port, database, tls }: RedisAddress): string {
  const shown = host.includes(':') ? `[${host}]` : host;
  return `${tls === undefined ? 'redis' : 'rediss'}://${shown}:${port}/${database}`;
}

/** The address is not shown: it may hold a password. */
function wrong(reason: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError('MR_REDIS_URL', `The address of Redis is malformed: ${reason}.`, {
    hint: 'Write redis://HOST:PORT/DATABASE?namespace=NAME, or rediss:// for TLS; percent-encode a password.',
    cause,
  });
}
