/** Who may call which route: the one place where requests are authenticated and authorised. */
import { isIPv4 } from 'node:net';
import { type Access, type Caller, RIGHTS, type Right, usersIn } from './api/access.ts';
import { InputError } from './errors.ts';
import type { HttpReply, HttpRequest, HttpRoutes } from './http.ts';

/** What a server asks about its callers. */
export interface AccessControl {
  /** Errors: InputError MR_ACCESS_TOKEN_MISSING and others that are answered with 401; RetryableError where it cannot tell. */
  authenticate(request: HttpRequest, reply: HttpReply): Caller | Promise<Caller>;
  /** Counts the request against the caller's limits. Errors: RetryableError MR_ACCESS_RATE, MR_ACCESS_LIMITS_AWAY. */
  limit?(request: HttpRequest, reply: HttpReply, caller: Caller): Promise<void>;
  /** Adds to a server what the limits require. */
  attach?(routes: HttpRoutes): Promise<void>;
}

/** Rights that change what is served, or reveal who is who: nobody has them without a credential, wherever they ask from. */
const guarded: ReadonlySet<Right> = new Set(['promote', 'train', 'privacy']);

export const anonymousRights: ReadonlySet<Right> = new Set(RIGHTS.filter((right) => !guarded.has(right)));

/** For servers that are given nothing else: whoever is on this machine has the rights of anonymous callers. */
export const localAccess: AccessControl = {
  authenticate: (request) => {
    if (isLocal(request)) return anonymous(request);
    throw tokenMissing();
  },
};

/** What is no operation is for operators. */
const UNDECLARED: Access = { right: 'observe' };

declare module 'fastify' {
  interface FastifyRequest {
    /** Null on public routes. */
    caller: Caller | null;
  }
}

/** Has every request authenticated and authorised before its body is read; routes that are public are not asked about. */
export function guard(routes: HttpRoutes, access: AccessControl): void {
  routes.decorateRequest('caller', null);
  routes.addHook('onRequest', async (request, reply) => {
    if (request.is404) return;
    const required = request.routeOptions.config.operation?.access ?? UNDECLARED;
    if (required === 'public') return;
    reply.header('cache-control', 'no-store');
    const caller = await access.authenticate(request, reply);
    request.caller = caller;
    await access.limit?.(request, reply, caller);
    if (!caller.rights.has(required.right)) throw lacksRight(caller, required.right);
  });
}

/** Refuses a request of a user's token that names another user. Errors: InputError MR_ACCESS_USER. */
export function requireOwnUser(
  access: Access,
  caller: Caller | null,
  parts: Readonly<Record<string, unknown>>,
): void {
  const own = caller?.onlyUser;
  // Rights beyond a user's own are granted by name, and hold for whatever their routes are about.
  if (own === undefined || access === 'public' || access.users === undefined) return;
  if (usersIn(parts, access.users).every((user) => user === own)) return;
  throw new InputError('MR_ACCESS_USER', 'The token allows requests about its own user only.', {
    hint: "Send the token's subject as the user, or use the credential of a service.",
  });
}

export function anonymous({ ip }: HttpRequest): Caller {
  return { name: `address ${ip}`, rights: anonymousRights, isAnonymous: true };
}

/**
 * Whether a request came to an address that only this machine reaches, and not through a proxy: everybody's requests come from
 * this machine then.
 */
export function isLocal({ raw, headers }: HttpRequest): boolean {
  const { localAddress = '' } = raw.socket;
  const isForwarded = headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined;
  return isLoopback(localAddress.replace(/^::ffff:/, '')) && !isForwarded;
}

/** Whether the host is one that other machines cannot reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

export function tokenMissing(): InputError {
  return new InputError('MR_ACCESS_TOKEN_MISSING', 'The request has no token.', {
    hint: 'Send the header "authorization: Bearer TOKEN" with an API key, a JSON web token or the token of option admin.token.',
  });
}

/** The header www-authenticate of an answer with 401 or 403 (RFC 6750). */
export function challenge(status: number, code: string, required: Access | undefined): string {
  const realm = 'Bearer realm="millrace"';
  if (status === 401) return code === 'MR_ACCESS_TOKEN_MISSING' ? realm : `${realm}, error="invalid_token"`;
  const scope = required === undefined || required === 'public' ? '' : `, scope="${required.right}"`;
  return `${realm}, error="insufficient_scope"${scope}`;
}

function lacksRight({ name, isAnonymous }: Caller, right: Right): InputError {
  if (isAnonymous) return tokenMissing();
  return new InputError('MR_ACCESS_RIGHT', `The route requires the right "${right}", which ${name} lacks.`, {
    hint: 'Use a credential that has it; docs/SECURITY.md lists the rights of each role.',
  });
}
