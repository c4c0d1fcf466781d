import type { Log } from '#engine/log';
import { type Clock, type HttpServer, InputError } from '#platform';
import { type Pseudonyms, requireUserId, writePrivacyStatus } from '#privacy';
import type { PrivacyStatus } from '#schemas';
import type { Topics } from '#topologies';

type PrivacyRequestsOptions = {
  readonly log: Log;
  readonly topics: Pick<Topics, 'privacy'>;
  readonly pseudonyms: Pseudonyms;
  readonly clock: Clock;
};

/** What a request may set. Erasing takes more than a record: `millrace erase`. */
const statuses: Readonly<Record<string, PrivacyStatus>> = {
  'opted-in': 'opted_in',
  'opted-out': 'opted_out',
};

/** Takes down what users decide: `PUT /users/:user_id/privacy` with `{"status": "opted-out"}` or `"opted-in"`. */
export class PrivacyRequests {
  readonly #options: PrivacyRequestsOptions;

  constructor(options: PrivacyRequestsOptions) {
    this.#options = options;
  }

  registerRoutes({ routes }: HttpServer): void {
    routes.put<{ Params: { user_id: string } }>('/users/:user_id/privacy', ({ params, body }) =>
      this.#put(params.user_id, body),
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
    const { log, topics, pseudonyms, clock } = this.#options;
    const ts = clock.now();
    await writePrivacyStatus(log, topics.privacy, {
      user_id: pseudonyms.pseudonymOf(userId),
      status,
      ts,
    });
    return { user_id: userId, status: String(given), ts };
  }
}
