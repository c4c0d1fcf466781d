import { type Clock, type HttpServer, InputError, withAdminToken } from '#platform';
import { type PrivacyDecisions, type Pseudonyms, requireUserId } from '#privacy';
import type { PrivacyStatus } from '#schemas';

type PrivacyRequestsOptions = {
  readonly adminToken: string | undefined;
  readonly pseudonyms: Pseudonyms;
  readonly clock: Clock;
};

/** What a request may set. Erasing takes more than a record: `millrace erase`. */
const statuses: Readonly<Record<string, PrivacyStatus>> = {
  'opted-in': 'opted_in',
  'opted-out': 'opted_out',
};

/**
 * Takes down what users decide: `PUT /users/:user_id/privacy` with `{"status": "opted-out"}` or `"opted-in"`. Who may say
 * so is known to the application that they use: it has the token.
 */
export class PrivacyRequests {
  readonly #options: PrivacyRequestsOptions;
  readonly #decisions: PrivacyDecisions;

  constructor(options: PrivacyRequestsOptions, decisions: PrivacyDecisions) {
    this.#options = options;
    this.#decisions = decisions;
  }

  registerRoutes({ routes }: HttpServer): void {
    routes.put<{ Params: { user_id: string } }>(
      '/users/:user_id/privacy',
      { onRequest: withAdminToken(this.#options.adminToken) },
      ({ params, body }) => this.#put(params.user_id, body),
    );
  }

  /** One who was never seen may opt out too: it counts when they come. */
  async #put(userId: string, body: unknown): Promise<{ user_id: string; status: string; ts: number }> {
    requireUserId(userId);
    const given = typeof body === 'object' && body !== null && 'status' in body ? body.status : undefined;
    const status = typeof given === 'string' && Object.hasOwn(statuses, given) ? statuses[given] : undefined;
    if (status === undefined) {
      throw new InputError('MR_PRIVACY_STATUS', 'The body has no status "opted-out" or "opted-in".', {
        hint: 'Send {"status":"opted-out"} or {"status":"opted-in"}; erasing is done by "millrace erase".',
      });
    }
    const { pseudonyms, clock } = this.#options;
    const ts = clock.now();
    await this.#decisions.decide({ user_id: pseudonyms.pseudonymOf(userId), status, ts });
    return { user_id: userId, status: String(given), ts };
  }

  async close(): Promise<void> {
    await this.#decisions.close();
  }
}
