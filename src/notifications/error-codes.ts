/** The error codes of notifications. */
import { type CodesOf, fixConfiguration, fixInput, retry } from '#platform';

export const NOTIFICATIONS_ERRORS = {
  MR_NOTIFICATION_CA: fixConfiguration`The file of mail.ca cannot be read.
    Name a PEM file with the certificate of the authority.`,
  MR_NOTIFICATION_REFUSED: fixInput`The receiver rejected a notification; it is in the dead letters.
    Correct the options of sections notifications and mail.`,
  MR_NOTIFICATION_UNDELIVERED: retry`The receiver of notifications does not respond, or fails.
    Delivery is retried automatically; check that the receiver runs.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof NOTIFICATIONS_ERRORS> {}
}
