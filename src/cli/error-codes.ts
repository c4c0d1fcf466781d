/** The error codes of the command line. */
import { type CodesOf, fixInput, giveUp } from '#platform';

export const CLI_ERRORS = {
  MR_FEATURES_IN_USE: fixInput`A declared version of a view cannot be dropped.
    Remove its module from features.modules first.`,
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
  MR_UNEXPECTED: giveUp`An error without a code of its own.
    Run the command again with --log-level debug, and report what it shows.`,
  MR_USAGE: fixInput`The command line is invalid.
    See millrace --help, or --help after a command.`,
  MR_VERSION_NO_VECTORS: fixInput`A version to export has no item vectors.
    Export one of a model that has them, such as the two-tower: see "millrace versions".`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof CLI_ERRORS> {}
}
