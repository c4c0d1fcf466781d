import { type Clock, type HttpServer, InputError, withAdminToken } from '#platform';
import { type PrivacyDecisions, type Pseudonyms, requireUserId } from '#privacy';
import type { PrivacyStatus } from '#schemas';

type PrivacyRequestsOptions = {
  readonly adminToken: string | undefined;
  readonly pseudonyms: Pseudonyms;
  readonly clock: Clock;
};

/** Most users of one request. */
const MAX_USERS = 1000;

/** What a request may set. Erasing takes more than a record: `millrace erase`. */
const statuses: Readonly<Record<string, PrivacyStatus>> = {
  'opted-in': 'opted_in',
  'opted-out': 'opted_out',
};

/**
 * Takes down what users decide: `PUT /users/:user_id/privacy` with `{"status": "opted-out"}` or `"opted-in"`. Who may say
 * so is known to the application that they use: it has the token. One who was never seen may opt out too: it counts when
 * they come.
 */
export function registerPrivacyRoute(
  { routes }: HttpServer,
  { adminToken, pseudonyms, clock }: PrivacyRequestsOptions,
  decisions: PrivacyDecisions,
): void {
  const admitted = { onRequest: withAdminToken(adminToken) };
  routes.put<{ Params: { user_id: string } }>(
    '/users/:user_id/privacy',
    admitted,
    async ({ params, body }) => {
      const { user_id } = params;
      requireUserId(user_id);
      const [given, status] = statusOf(body);
      const ts = clock.now();
      await decisions.decide({ user_id: pseudonyms.pseudonymOf(user_id), status, ts });
      return { user_id, status: given, ts };
    },
  );
}

function statusOf(body: unknown): readonly [given: string, status: PrivacyStatus] {
  const given = typeof body === 'object' && body !== null && 'status' in body ? body.status : undefined;
  const status = typeof given === 'string' && Object.hasOwn(statuses, given) ? statuses[given] : undefined;
  if (typeof given === 'string' && status !== undefined) return [given, status];
  throw new InputError('MR_PRIVACY_STATUS', 'The body has no status "opted-out" or "opted-in".', {
    hint: 'Send {"status":"opted-out"} or {"status":"opted-in"}; erasing is done by "millrace erase".',
  });
}

/**
 * `POST /pseudonyms` with `{"user_ids": [...]}` answers `{"pseudonyms": [...]}` in the same order, made where users are
 * new: what producers that write to the log themselves call users by. Who may ask has the token of option admin.token,
 * because the answer tells whose a name on the log is. Errors: InputError MR_PRIVACY_USERS, MR_PRIVACY_USER; those of
 * Pseudonyms.
 */
export function registerPseudonymRoute(
  { routes }: HttpServer,
  { pseudonyms, adminToken }: PrivacyRequestsOptions,
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
