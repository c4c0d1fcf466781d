import type { Clock, HttpServer } from '#platform';
import type { Handler } from '#platform/api';
import { type PrivacyDecisions, type Pseudonyms, requireUserId } from '#privacy';
import type { PrivacyStatus } from '#schemas';
import { postPseudonyms, putPrivacy } from './operations.ts';

type PrivacyRequestsOptions = {
  readonly pseudonyms: Pseudonyms;
  readonly clock: Clock;
};

const statuses: Readonly<Record<'opted-in' | 'opted-out', PrivacyStatus>> = {
  'opted-in': 'opted_in',
  'opted-out': 'opted_out',
};

/**
 * Takes down what users decide: `PUT /users/:user_id/privacy` with `{"status": "opted-out"}` or `"opted-in"`. Who may say
 * so is known to the application that they use: it has the right `privacy`. One who was never seen may opt out too: it counts when
 * they come.
 */
export function registerPrivacyRoute(
  server: HttpServer,
  { pseudonyms, clock }: PrivacyRequestsOptions,
  decisions: PrivacyDecisions,
): void {
  const answer: Handler<typeof putPrivacy> = async ({ params: { user_id }, body: { status } }) => {
    const ts = clock.now();
    const name = await pseudonyms.pseudonymOf(user_id);
    await decisions.decide({ user_id: name, status: statuses[status], ts });
    return { user_id, status, ts };
  };
  server.serve(putPrivacy, answer);
}

/**
 * `POST /pseudonyms` with `{"user_ids": [...]}` answers `{"pseudonyms": [...]}` in the same order, made where users are
 * new: what producers that write to the log themselves call users by. It requires the right `privacy`,
 * because the answer tells whose a name on the log is. Errors: InputError MR_PRIVACY_USERS, MR_PRIVACY_USER; those of
 * Pseudonyms.
 */
export function registerPseudonymRoute(
  server: HttpServer,
  { pseudonyms }: Pick<PrivacyRequestsOptions, 'pseudonyms'>,
): void {
  const answer: Handler<typeof postPseudonyms> = async ({ body: { user_ids } }) => {
    for (const userId of user_ids) requireUserId(userId);
    return { pseudonyms: await pseudonyms.pseudonymsOf(user_ids) };
  };
  server.serve(postPseudonyms, answer);
}
