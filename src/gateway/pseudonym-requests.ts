import { type HttpServer, InputError, withAdminToken } from '#platform';
import { type Pseudonyms, requireUserId } from '#privacy';

/** Most users of one request. */
const MAX_USERS = 1000;

type PseudonymRequestsOptions = {
  readonly pseudonyms: Pseudonyms;
  readonly adminToken: string | undefined;
};

/**
 * `POST /pseudonyms` with `{"user_ids": [...]}` answers `{"pseudonyms": [...]}` in the same order, made where users are
 * new: what producers that write to the log themselves call users by. Who may ask has the token of option admin.token,
 * because the answer tells whose a name on the log is. Errors: InputError MR_PRIVACY_USERS, MR_PRIVACY_USER; those of
 * Pseudonyms.
 */
export function registerPseudonymRoute(
  { routes }: HttpServer,
  { pseudonyms, adminToken }: PseudonymRequestsOptions,
): void {
  routes.post('/pseudonyms', { onRequest: withAdminToken(adminToken) }, ({ body }) => {
    const userIds = userIdsOf(body);
    for (const userId of userIds) requireUserId(userId);
    return { pseudonyms: pseudonyms.pseudonymsOf(userIds) };
  });
}

function userIdsOf(body: unknown): readonly string[] {
  const given = typeof body === 'object' && body !== null && 'user_ids' in body ? body.user_ids : undefined;
  const isList = Array.isArray(given) && given.length >= 1 && given.length <= MAX_USERS;
  if (isList && given.every((userId) => typeof userId === 'string')) return given;
  throw new InputError('MR_PRIVACY_USERS', 'The body has no list "user_ids", or one of a wrong length.', {
    hint: `Send {"user_ids": ["USER", ...]} with 1 to ${MAX_USERS} ids.`,
  });
}
