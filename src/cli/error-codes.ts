/** The error codes of the command line. */
import { type CodesOf, fixInput, giveUp, retry } from '#platform';

export const CLI_ERRORS = {
  MR_FEATURES_IN_USE: fixInput`A declared version of a view cannot be dropped.
    Remove its module from features.modules first.`,
  MR_GROUP_LIVE: fixInput`The offsets of a group with live members cannot be set.
    Stop all of its processes first.`,
  MR_OUTPUT: retry`Standard output cannot be written; the command has done its work, and part of the result is not printed.
    Direct it to where there is room.`,
  MR_RUN_AMBIGUOUS: fixInput`The beginning of a run’s id matches several runs.
    Write more of the id: see "millrace runs".`,
  MR_RUN_OVER: fixInput`A run to cancel is already over.
    Look at its outcome: "millrace runs show ID".`,
  MR_RUN_UNKNOWN: fixInput`There is no run with that id.
    See "millrace runs".`,
  MR_SEARCH_SPACE: fixInput`The space of a search is malformed.
    Correct what the message names: see "millrace runs search --help".`,
  MR_SNAPSHOT_FAILED: giveUp`The running start could not take the requested snapshot.
    Read the dead letter: "millrace events tail dead-letters".`,
  MR_SNAPSHOT_UNKNOWN: fixInput`There is no snapshot, or none of this id.
    Take one: "millrace snapshot"; "millrace snapshot --last" shows the newest.`,
  MR_TOP_NO_SERVER: fixInput`No running process was named, and none runs on the data directory.
    Start it, or name another one with --url.`,
  MR_TOP_REFUSED: fixInput`A process refused to tell what its tasks are doing.
    Use a token with the right "observe", and the address of a process of Millrace.`,
  MR_UNEXPECTED: giveUp`An error without a code of its own.
    Run the command again with --log-level debug, and report what it shows.`,
  MR_USAGE: fixInput`The command line is invalid.
    See millrace --help, or --help after a command.`,
  MR_VERSION_INDEX_ITEMS: fixInput`The items of an index to import do not fit its vectors.
    Write FILE.items.txt with the item of vector n in line n, counted from 0, each item once.`,
  MR_VERSION_NO_INDEX: fixInput`No index has been built or imported for the version since it was trained.
    Build one with "millrace reindex", or export without --built.`,
  MR_VERSION_NO_VECTORS: fixInput`A version to export, or to import an index for, has no item vectors.
    Name one of a model that has them, such as the two-tower: see "millrace versions".`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof CLI_ERRORS> {}
}
