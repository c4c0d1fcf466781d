/** The error codes of notifications. */
import { type CodesOf, fixInput, retry } from '#platform';

export const NOTIFICATIONS_ERRORS = {
  MR_NOTIFICATION_REFUSED: fixInput`The receiver of notifications refuses one; it is in the dead letters.
    Correct the options of section notifications.`,
  MR_NOTIFICATION_UNDELIVERED: retry`The receiver of notifications does not answer, or fails.
    It is tried again by itself; see that the receiver runs.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof NOTIFICATIONS_ERRORS> {}
}
