/** The error codes of the archive and of snapshots. */
import { type CodesOf, fixInput, giveUp, retry } from '#platform';

export const OFFLINE_ERRORS = {
  MR_OFFLINE_FILE_CORRUPT: giveUp`An archive file is truncated, altered or damaged.
    Restore it from a backup; the message names it.`,
  MR_OFFLINE_FILE_MISSING: giveUp`An archive file is missing.
    Restore it from a backup; the message names it.`,
  MR_OFFLINE_HISTORY_INCOMPLETE: giveUp`The history of a view would have to start from events that the archive has dropped.
    Keep the version of the view that was computed before, or restore the events.`,
  MR_OFFLINE_INCOMPLETE: giveUp`Requested records are not archived yet, or were dropped at the end of their retention.
    Request fewer, or wait for the archive to catch up.`,
  MR_OFFLINE_QUERY: fixInput`An SQL query is not a single SELECT, has an error, or does something that is not allowed.
    Correct what the message names.`,
  MR_OFFLINE_TYPE: giveUp`The schema of an archived topic has a type that no Parquet column can hold.
    Use records, enums, arrays, primitive types, and unions of one of them with null.`,
  MR_SNAPSHOT_CORRUPT: giveUp`A file of a snapshot does not match its manifest.
    Take another snapshot; the log still has the examples.`,
  MR_SNAPSHOT_EMPTY: retry`There are no examples to train on.
    Import or publish events first.`,
  MR_SNAPSHOT_VIEW: giveUp`A module's view throws, returns a row other than declared, or keys an event by another user.
    Correct the module that the message's view is in, or remove it from features.modules.`,
  MR_SNAPSHOT_WITHDRAWN: retry`A user was erased while a snapshot with them was taken or trained on.
    Retry: the next snapshot is without them.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof OFFLINE_ERRORS> {}
}
