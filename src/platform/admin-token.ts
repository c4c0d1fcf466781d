import { createHash, timingSafeEqual } from 'node:crypto';
import { InputError } from './errors.ts';
import type { HttpRequest } from './http.ts';

/**
 * The hook `onRequest` of a route for the operator alone: lets those pass who send the token of option admin.token, and
 * nobody where it is not set, wherever they ask from: behind a proxy everyone is on this machine. Errors: InputError
 * MR_ADMIN_TOKEN (401), MR_ADMIN_DISABLED (403).
 */
export function withAdminToken(token: string | undefined): (request: HttpRequest) => Promise<void> {
  return async ({ headers }) => {
    if (token === undefined) {
      throw new InputError('MR_ADMIN_DISABLED', 'The request needs a token, and none is configured.', {
        hint: 'Set admin.token (MILLRACE_ADMIN_TOKEN) and restart.',
      });
    }
    const given = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
    if (timingSafeEqual(digest(given), digest(token))) return;
    throw new InputError('MR_ADMIN_TOKEN', 'The token is missing or wrong.', {
      hint: 'Send the header "authorization: Bearer TOKEN" with the token of option admin.token.',
    });
  };
}

/** Of equal length whatever was sent, so that the comparison takes constant time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
