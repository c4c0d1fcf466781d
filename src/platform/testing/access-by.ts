import { RIGHTS } from '../api/access.ts';
import type { AccessControl } from '../http-access.ts';
import { localAccess } from '../http-access.ts';

/** Who has the token may do everything, under the name `operator`; others what anonymous callers on this machine may. */
export function accessBy(token: string): AccessControl {
  return {
    authenticate: (request, reply) =>
      request.headers.authorization === `Bearer ${token}`
        ? { name: 'operator', rights: new Set(RIGHTS) }
        : localAccess.authenticate(request, reply),
  };
}
