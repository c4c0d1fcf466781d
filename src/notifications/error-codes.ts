/** The error codes of notifications. */
import { type CodesOf, fixInput, retry } from '#platform';

export const NOTIFICATIONS_ERRORS = {
  MR_NOTIFICATION_REFUSED: fixInput`The receiver rejected a notification; it is in the dead letters.
    Correct the options of section notifications.`,
  MR_NOTIFICATION_UNDELIVERED: retry`The receiver of notifications does not respond, or fails.
    Delivery is retried automatically; check that the receiver runs.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof NOTIFICATIONS_ERRORS> {}
}
