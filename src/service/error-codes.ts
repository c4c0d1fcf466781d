/** The error codes of a process and its installation. */
import { type CodesOf, fixConfiguration, giveUp, retry } from '#platform';

export const SERVICE_ERRORS = {
  MR_DATA_CORRUPT: giveUp`A small file in the data directory is damaged.
    Restore it from a backup, or start over in another directory.`,
  MR_DATA_EMPTY: fixConfiguration`The data directory has no log yet.
    Run millrace start or millrace import first, or choose another directory with --data.`,
  MR_DISK_LOW: retry`The disk of the data directory has less free space than disk.reserveMb keeps from new events.
    Free space on it, or lower disk.reserveMb; send the events again with the same event_id.`,
  MR_EVENTS_LAG: retry`Too many events await processing; new ones are refused until the backlog shrinks (429).
    Send them again later with the same event_id, or raise gateway.maxLag.`,
  MR_PRIVACY_ARCHIVE_BEHIND: retry`The events of a user being erased were not archived in time.
    Check that "millrace start" archives, then erase the user again.`,
  MR_PRIVACY_USER_IDS: fixConfiguration`The option privacy.userIds differs from what the log was created with, or its vault of pseudonyms is elsewhere.
    Set the option to its earlier value, or copy pseudonyms.sqlite and pseudonyms.key to the data directory.`,
  MR_SERVER_STARTING: retry`A start is under way and not serving yet.
    Retry when it has printed its address.`,
  MR_SERVER_UNREACHABLE: retry`The running server does not respond as expected.
    Try again in a moment.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof SERVICE_ERRORS> {}
}
