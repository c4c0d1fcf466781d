/** The error codes of the gateway. */
import { type CodesOf, fixInput, retry } from '#platform';

export const GATEWAY_ERRORS = {
  MR_EVENTS_UNWRITTEN: retry`The log did not acknowledge the events in time, or too many already wait for it.
    Send them again with the same event_id: events that the log already has count once.`,
  MR_EVENT_BATCH: fixInput`A request contains no events, or too many.
    Send 1 to 1,000 events at once.`,
  MR_EVENT_MALFORMED: fixInput`An event has a field that is unknown, missing or of the wrong type.
    Correct the field that the reason names.`,
  MR_EVENT_USER_PENDING: retry`Too many events of one user await processing (429).
    Send them again in a moment; the limit is admission.userPendingEvents.`,
  MR_PRIVACY_STATUS: fixInput`A request sets an unknown privacy status.
    Send {"status":"opted-out"} or {"status":"opted-in"}; erasing is done by "millrace erase".`,
  MR_PRIVACY_USERS: fixInput`A request for pseudonyms has no list of user ids, or too long a list.
    Send {"user_ids": [...]} with 1 to 1,000 of them.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof GATEWAY_ERRORS> {}
}
