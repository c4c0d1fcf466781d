import { createHash, timingSafeEqual } from 'node:crypto';
import { type HttpReply, type HttpRequest, type HttpServer, InputError } from '#platform';
import type { CommandAnswer } from '#schemas';
import { type AskingOptions, askRegistry, type RegistryRequest } from './ask-registry.ts';

export type AdminOptions = AskingOptions & {
  /** Of `authorization: Bearer ...`; without one every request is refused. */
  readonly token: string | undefined;
};

type Body = { readonly version?: unknown; readonly actor?: unknown; readonly reason?: unknown };

const LONGEST_TEXT = 1_000;

/**
 * `POST /admin/versions/:version/promote` and `POST /admin/rollback`, which name who asks in the body as `actor`, and why
 * as `reason`; a rollback may name the `version` that is to go. They answer when it is decided: 401 and 403 without the
 * right token, 409 where the registry refuses.
 */
export function registerAdminRoutes({ routes }: HttpServer, options: AdminOptions): void {
  const carryOut = async (
    request: HttpRequest,
    reply: HttpReply,
    asked: Pick<RegistryRequest, 'kind' | 'version'>,
  ) => {
    const refused = refusal(request, options.token);
    if (refused !== undefined) return reply.code(refused.status).send(bodyOf(refused.error));
    const { actor, reason } = (request.body ?? {}) as Body;
    const by = { actor: textOf('actor', actor) ?? 'admin API', reason: textOf('reason', reason) ?? null };
    try {
      return shown(await askRegistry(options, { ...asked, ...by }));
    } catch (error) {
      if (error instanceof InputError) return reply.code(409).send(bodyOf(error));
      throw error;
    }
  };
  routes.post<{ Params: { version: string } }>('/admin/versions/:version/promote', (request, reply) =>
    carryOut(request, reply, { kind: 'promote', version: request.params.version }),
  );
  routes.post<{ Body: Body | undefined }>('/admin/rollback', (request, reply) => {
    const version = textOf('version', request.body?.version) ?? null;
    return carryOut(request, reply, { kind: 'rollback', version });
  });
}

function shown({ version, status, kind }: CommandAnswer) {
  return { command: kind, version, status };
}

function refusal(
  { headers }: HttpRequest,
  token: string | undefined,
): { readonly status: number; readonly error: InputError } | undefined {
  if (token === undefined) {
    const message = 'Requests under /admin are refused: no token is configured.';
    const hint = 'Set admin.token (MILLRACE_ADMIN_TOKEN), and start again.';
    return { status: 403, error: new InputError('MR_ADMIN_DISABLED', message, { hint }) };
  }
  const given = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
  if (timingSafeEqual(digest(given), digest(token))) return undefined;
  const hint = 'Send the header "authorization: Bearer TOKEN" with the token of option admin.token.';
  return { status: 401, error: new InputError('MR_ADMIN_TOKEN', 'The token is missing or wrong.', { hint }) };
}

/** Of one length, whatever was sent. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function textOf(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && value !== '' && value.length <= LONGEST_TEXT) return value;
  throw new InputError('MR_ADMIN_REQUEST', `${name} is no text of 1 to ${LONGEST_TEXT} characters.`, {
    hint: 'Send { "actor": "who asks", "reason": "why" }.',
  });
}

function bodyOf({ code, message, hint }: InputError) {
  return { code, message, ...(hint !== undefined && { hint }) };
}
