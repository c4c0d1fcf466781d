/** The access of a server: who a request comes from, by the credentials that the configuration allows. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isPeerToken, type Topic, verifyPeerRequest } from '#engine';
import type { Log } from '#log';
import {
  type AccessControl,
  anonymous,
  type Caller,
  type Clock,
  ConfigurationError,
  type HttpReply,
  type HttpRequest,
  type HttpRoutes,
  InputError,
  isLocal,
  isLoopback,
  type Logger,
  type Metrics,
  showsCertificate,
  tokenMissing,
} from '#platform';
import type { PLATFORM_OPTIONS, ValuesOf } from '#platform/configuration';
import type { ApiKey } from '#schemas';
import { ApiKeys, isApiKey } from './api-keys.ts';
import { rightsOf } from './grants.ts';
import { JsonWebTokens } from './json-web-tokens.ts';
import { listApiKeys } from './manage-api-keys.ts';
import type { ACCESS_OPTIONS } from './options.ts';
import { RateLimits } from './rate-limits.ts';

type Configuration = Pick<ValuesOf<typeof ACCESS_OPTIONS>, 'access' | 'jwt' | 'limits'> &
  Pick<ValuesOf<typeof PLATFORM_OPTIONS>, 'profile' | 'http' | 'admin'> & {
    readonly redis: { readonly username?: string | undefined; readonly password?: string | undefined };
  };

export type AccessOptions = {
  readonly configuration: Configuration;
  readonly log: Log;
  /** Topic `api-keys`. */
  readonly topic: Topic<string, ApiKey>;
  /** A token of this process's own programs, which nobody else knows; undefined where there are none. */
  readonly ownToken?: string | undefined;
  /** What the processes that count limits together have in common. */
  readonly namespace: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

/** The credentials of the configuration. */
export type ConfiguredSecrets = {
  readonly adminToken: string | undefined;
  /** Secret of the processes on the same log. */
  readonly peerSecret: string | undefined;
};

export type OpenedAccess = AccessControl & {
  /**
   * From now on these count. The token before is refused at once; the peers' secret before is accepted for five
   * minutes more, so that processes can take a new one after each other.
   */
  renew(secrets: ConfiguredSecrets): void;
  close(): Promise<void>;
};

/** How long after a renewal processes on the log may still sign by the secret before, ms. */
const PEER_OVERLAP_MS = 300_000;

/** Errors: ConfigurationError MR_ACCESS_JWKS; those of requireProtection and of the log. */
export async function openAccess(options: AccessOptions): Promise<OpenedAccess> {
  const { configuration, clock, logger, metrics } = options;
  await requireProtection(options);
  const { issuer, audience, jwks, rolesClaim } = configuration.jwt;
  const keys = await ApiKeys.open(options);
  try {
    const tokens =
      issuer === undefined || audience === undefined || jwks === undefined
        ? undefined
        : await JsonWebTokens.open({ issuer, audience, jwks, rolesClaim, clock, logger, metrics });
    const { limits, redis } = configuration;
    const { username, password } = redis;
    const counts = new RateLimits({ ...options, ...limits, username, password });
    return new Access(options, { keys, tokens, limits: counts });
  } catch (error) {
    await keys.close();
    throw error;
  }
}

/**
 * Errors: ConfigurationError MR_ACCESS_UNPROTECTED where the server is to listen beyond this machine, or its profile is prod, and
 * there is no credential to ask for.
 */
export async function requireProtection({
  configuration: { profile, http, admin, access, jwt },
  log,
  topic,
}: Pick<AccessOptions, 'configuration' | 'log' | 'topic'>): Promise<void> {
  const isProtected = admin.token !== undefined || jwt.jwks !== undefined;
  const mayBeOpen = profile !== 'prod' && (isLoopback(http.host) || access.insecure === 'on');
  if (mayBeOpen || isProtected) return;
  const keys = await listApiKeys({ log, topic });
  if (keys.some(({ revoked_ts }) => revoked_ts === null)) return;
  throw new ConfigurationError(
    'MR_ACCESS_UNPROTECTED',
    profile === 'prod'
      ? 'Profile prod refuses to start: nobody could authenticate.'
      : `The server would listen on ${http.host}, beyond this machine, and nobody could authenticate.`,
    {
      hint: 'Set admin.token (MILLRACE_ADMIN_TOKEN) or the options of jwt, create an API key with "millrace keys create", or use --insecure on a network that you trust.',
    },
  );
}

type Parts = {
  readonly keys: ApiKeys;
  readonly tokens: JsonWebTokens | undefined;
  readonly limits: RateLimits;
};

const OWN = { name: 'this process', rights: rightsOf(['recommend', 'publish']) } satisfies Caller;
const PEER = { name: 'peer', rights: rightsOf(['peer']) } satisfies Caller;
const ADMIN = { name: 'admin.token', rights: rightsOf(['admin']) } satisfies Caller;

class Access implements OpenedAccess {
  readonly #options: AccessOptions;
  readonly #parts: Parts;
  /** Digests of tokens that the configuration has, with their callers. */
  #fixed: readonly (readonly [digest: Buffer, caller: Caller])[] = [];
  /** The newest first; others until `untilMs`. */
  #peerSecrets: readonly { readonly secret: string; readonly untilMs: number }[] = [];

  constructor(options: AccessOptions, parts: Parts) {
    const { http, admin } = options.configuration;
    this.#options = options;
    this.#parts = parts;
    this.renew({ adminToken: admin.token, peerSecret: http.peerSecret ?? admin.token });
  }

  renew({ adminToken, peerSecret }: ConfiguredSecrets): void {
    const fixed = [[adminToken, ADMIN] as const, [this.#options.ownToken, OWN] as const];
    this.#fixed = fixed.flatMap(([text, caller]) => (text === undefined ? [] : [[digest(text), caller]]));
    if (peerSecret === undefined || peerSecret === this.#peerSecrets[0]?.secret) return;
    const endsMs = this.#options.clock.now() + PEER_OVERLAP_MS;
    const before = this.#peerSecrets.map(({ secret, untilMs }) => ({
      secret,
      untilMs: Math.min(untilMs, endsMs),
    }));
    this.#peerSecrets = [{ secret: peerSecret, untilMs: Number.POSITIVE_INFINITY }, ...before];
  }

  async attach(routes: HttpRoutes): Promise<void> {
    await this.#parts.limits.attach(routes);
  }

  authenticate(request: HttpRequest, reply: HttpReply): Caller | Promise<Caller> {
    const { authorization } = request.headers;
    if (authorization === undefined) {
      if (this.#isPeerByCertificate(request)) return PEER;
      if (this.#isOpenTo(request)) return anonymous(request);
      return this.#refuse(request, reply, tokenMissing());
    }
    const token = /^Bearer +(.+)$/i.exec(authorization)?.[1];
    if (token === undefined) return this.#refuse(request, reply, unknownToken());
    const found = this.#callerOf(token, request);
    if (found instanceof Promise) return found.catch((error: Error) => this.#refuse(request, reply, error));
    return found ?? this.#refuse(request, reply, unknownToken());
  }

  async limit(request: HttpRequest, reply: HttpReply, caller: Caller): Promise<void> {
    if (caller === PEER || caller === OWN) return;
    await this.#parts.limits.take(request, reply, caller);
  }

  async close(): Promise<void> {
    const { keys, tokens, limits } = this.#parts;
    limits.close();
    await Promise.all([keys.close(), tokens?.close()]);
  }

  #isOpenTo(request: HttpRequest): boolean {
    const { access, http } = this.#options.configuration;
    if (access.insecure === 'on') return true;
    return access.loopback === 'open' && isLoopback(http.host) && isLocal(request);
  }

  /** Where processes have certificates and no secret: with a secret they sign, too. */
  #isPeerByCertificate(request: HttpRequest): boolean {
    const access = request.routeOptions.config.operation?.access;
    const isForPeers = access !== 'public' && access?.right === 'peer';
    return (
      isForPeers && this.#peerSecrets.length === 0 && this.#asksForCertificate && showsCertificate(request)
    );
  }

  get #asksForCertificate(): boolean {
    return this.#options.configuration.http.tlsAuthority !== undefined;
  }

  #callerOf(token: string, request: HttpRequest): Caller | undefined | Promise<Caller> {
    const { keys, tokens } = this.#parts;
    if (isApiKey(token)) return keys.callerOf(token);
    if (isPeerToken(token)) {
      if (this.#asksForCertificate && !showsCertificate(request)) return undefined;
      const path = request.raw.url ?? '';
      const now = this.#options.clock.now();
      this.#peerSecrets = this.#peerSecrets.filter(({ untilMs }) => now < untilMs);
      const isPeer = this.#peerSecrets.some(({ secret }) => verifyPeerRequest(secret, token, path, now));
      return isPeer ? PEER : undefined;
    }
    const given = digest(token);
    const fixed = this.#fixed.find(([expected]) => timingSafeEqual(expected, given));
    return fixed?.[1] ?? tokens?.callerOf(token);
  }

  /** What is refused counts as a request of its address: tokens cannot be tried out without limit. */
  async #refuse(request: HttpRequest, reply: HttpReply, error: Error): Promise<never> {
    if (error instanceof InputError) await this.#parts.limits.take(request, reply, anonymous(request));
    throw error;
  }
}

function unknownToken(): InputError {
  return new InputError(
    'MR_ACCESS_TOKEN',
    'The token is not accepted: it is unknown, malformed or revoked.',
    {
      hint: 'Send the header "authorization: Bearer TOKEN" with an API key, a JSON web token or the token of option admin.token.',
    },
  );
}

/** Hashes to a fixed length, so that the comparison takes constant time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
