import { type Clock, type HttpServer, withAdminToken } from '#platform';
import type { Handler } from '#platform/api';
import { type PrivacyDecisions, type Pseudonyms, requireUserId } from '#privacy';
import type { PrivacyStatus } from '#schemas';
import { postPseudonyms, putPrivacy } from './operations.ts';

type PrivacyRequestsOptions = {
  readonly adminToken: string | undefined;
  readonly pseudonyms: Pseudonyms;
  readonly clock: Clock;
};

const statuses: Readonly<Record<'opted-in' | 'opted-out', PrivacyStatus>> = {
  'opted-in': 'opted_in',
  'opted-out': 'opted_out',
};

/**
 * Takes down what users decide: `PUT /users/:user_id/privacy` with `{"status": "opted-out"}` or `"opted-in"`. Who may say
 * so is known to the application that they use: it has the token. One who was never seen may opt out too: it counts when
 * they come.
 */
export function registerPrivacyRoute(
  server: HttpServer,
  { adminToken, pseudonyms, clock }: PrivacyRequestsOptions,
  decisions: PrivacyDecisions,
): void {
  const answer: Handler<typeof putPrivacy> = async ({ params: { user_id }, body: { status } }) => {
    const ts = clock.now();
    await decisions.decide({ user_id: pseudonyms.pseudonymOf(user_id), status: statuses[status], ts });
    return { user_id, status, ts };
  };
  server.serve(putPrivacy, answer, withAdminToken(adminToken));
}

/**
 * `POST /pseudonyms` with `{"user_ids": [...]}` answers `{"pseudonyms": [...]}` in the same order, made where users are
 * new: what producers that write to the log themselves call users by. Who may ask has the token of option admin.token,
 * because the answer tells whose a name on the log is. Errors: InputError MR_PRIVACY_USERS, MR_PRIVACY_USER; those of
 * Pseudonyms.
 */
export function registerPseudonymRoute(
  server: HttpServer,
  { pseudonyms, adminToken }: PrivacyRequestsOptions,
): void {
  const answer: Handler<typeof postPseudonyms> = ({ body: { user_ids } }) => {
    for (const userId of user_ids) requireUserId(userId);
    return { pseudonyms: pseudonyms.pseudonymsOf(user_ids) };
  };
  server.serve(postPseudonyms, answer, withAdminToken(adminToken));
}
