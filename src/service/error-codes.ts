/** The error codes of a process and its installation. */
import { type CodesOf, fixConfiguration, fixInput, giveUp, retry } from '#platform';

export const SERVICE_ERRORS = {
  MR_JOB_VERIFICATION: giveUp`A scheduled verification found something that is not what it is derived from.
    Follow docs/runbooks/state-corrupted.md.`,
  MR_DATA_CORRUPT: giveUp`A small file in the data directory is damaged.
    Restore it from a backup, or start over in another directory.`,
  MR_DATA_EMPTY: fixConfiguration`The data directory has no log yet.
    Run millrace start or millrace import first, or choose another directory with --data.`,
  MR_DISK_LOW: retry`The disk of the data directory has less free space than disk.reserveMb keeps from new events.
    Free space on it, or lower disk.reserveMb; send the events again with the same event_id.`,
  MR_EVENTS_LAG: retry`Too many events await processing; new ones are refused until the backlog shrinks (429).
    Send them again later with the same event_id, or raise gateway.maxLag.`,
  MR_EVENTS_STARTING: retry`The first start is still writing its simulated world, before which no other events may come.
    Send them again in a moment with the same event_id.`,
  MR_LOG_LOST: giveUp`The file of the log is missing or empty in a data directory that has what was derived from it.
    Put log.sqlite back, restore a backup, or begin anew in another directory with --data.`,
  MR_PLAN_UNSAFE: fixConfiguration`A start would lose state, or read it as what it is not.
    See "millrace plan"; start with --accept and its hash, or start the earlier release.`,
  MR_PRIVACY_ARCHIVE_BEHIND: retry`The events of a user being erased were not archived in time.
    Check that "millrace start" archives, then erase the user again.`,
  MR_PRIVACY_USER_IDS: fixConfiguration`The option privacy.userIds differs from what the log was created with, or the vault of an earlier release is elsewhere.
    Set the option to its earlier value, or start once in the data directory that holds pseudonyms.sqlite, which moves the vault to the log.`,
  MR_REPAIR_IMPOSSIBLE: giveUp`Nothing that is left has what a repair needs; what is damaged stays as it is.
    Restore it from a backup, or train or replay again; the message names what is missing.`,
  MR_REPAIR_UNKNOWN: fixInput`There is nothing of that name to repair.
    Name a task, a store, a version, "redis" or "archive".`,
  MR_ROLE_ELSEWHERE: fixInput`The route belongs to a role that this process does not have (421).
    Ask a process that runs with the role that the message names.`,
  MR_ROLE_NEEDS: fixConfiguration`A role lacks an option that it needs in a process of its own.
    Set the option that the message names.`,
  MR_SERVER_STARTING: retry`A start is under way and not serving yet.
    Retry when it has printed its address.`,
  MR_SERVER_UNREACHABLE: retry`The running server does not respond as expected.
    Try again in a moment.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof SERVICE_ERRORS> {}
}
