import { type HttpReply, type HttpRequest, type HttpServer, InputError, withAdminToken } from '#platform';
import type { CommandAnswer } from '#schemas';
import { type AskingOptions, askRegistry, type RegistryRequest } from './ask-registry.ts';

export type AdminOptions = AskingOptions & {
  /** Expected in `authorization: Bearer ...`; without one every request is refused. */
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
    const { actor, reason } = (request.body ?? {}) as Body;
    const by = { actor: textOf('actor', actor) ?? 'admin API', reason: textOf('reason', reason) ?? null };
    try {
      return shown(await askRegistry(options, { ...asked, ...by }));
    } catch (error) {
      if (error instanceof InputError) return reply.code(409).send(bodyOf(error));
      throw error;
    }
  };
  const admitted = { onRequest: withAdminToken(options.token) };
  routes.post<{ Params: { version: string } }>(
    '/admin/versions/:version/promote',
    admitted,
    (request, reply) => carryOut(request, reply, { kind: 'promote', version: request.params.version }),
  );
  routes.post<{ Body: Body | undefined }>('/admin/rollback', admitted, (request, reply) => {
    const version = textOf('version', request.body?.version) ?? null;
    return carryOut(request, reply, { kind: 'rollback', version });
  });
}

function shown({ version, status, kind }: CommandAnswer) {
  return { command: kind, version, status };
}

function textOf(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && value !== '' && value.length <= LONGEST_TEXT) return value;
  throw new InputError('MR_ADMIN_REQUEST', `${name} is not a string of 1 to ${LONGEST_TEXT} characters.`, {
    hint: 'Send { "actor": "who asks", "reason": "why" }.',
  });
}

function bodyOf({ code, message, hint }: InputError) {
  return { code, message, ...(hint !== undefined && { hint }) };
}
