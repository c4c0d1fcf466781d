/** The error codes of the archive and of snapshots. */
import { type CodesOf, fixInput, giveUp, retry } from '#platform';

export const OFFLINE_ERRORS = {
  MR_OFFLINE_FILE_CORRUPT: giveUp`A file of the archive is not the one that was written: truncated, altered or damaged.
    Bring it back from a backup; the message names it.`,
  MR_OFFLINE_FILE_MISSING: giveUp`A file of the archive is not there.
    Bring it back from a backup; the message names it.`,
  MR_OFFLINE_HISTORY_INCOMPLETE: giveUp`The history of a view would have to begin with events that the archive has dropped.
    Keep the version of the view that was computed before, or bring the events back.`,
  MR_OFFLINE_INCOMPLETE: giveUp`Archived records were asked for that are not archived yet, or were dropped at the end of their retention.
    Ask for less, or let the archive catch up.`,
  MR_OFFLINE_QUERY: fixInput`An SQL query is not one SELECT, has an error, or asks for what a query may not do.
    Correct what the message names.`,
  MR_OFFLINE_TYPE: giveUp`The schema of an archived topic has a type that has no column in Parquet.
    Use records, enums, arrays, primitive types, and unions of one of them with null.`,
  MR_SNAPSHOT_CORRUPT: giveUp`A file of a snapshot is not what its manifest says.
    Take another snapshot; the log still has the examples.`,
  MR_SNAPSHOT_EMPTY: retry`There are no examples to train on.
    Import or publish events first.`,
  MR_SNAPSHOT_WITHDRAWN: retry`A user in a snapshot was erased while it was taken or trained on.
    Ask again: the next snapshot is without them.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof OFFLINE_ERRORS> {}
}
