/** The error codes of the command line. */
import { type CodesOf, fixConfiguration, fixInput, giveUp } from '#platform';

export const CLI_ERRORS = {
  MR_FEATURES_IN_USE: fixInput`A version of a view that is declared cannot be dropped.
    Take its module out of features.modules first.`,
  MR_IMPORT_EXPIRES: fixConfiguration`A data set is older than the brokers keep records: they would delete it as it is written.
    Give the address of the log ?retention=none, on a prefix of its own.`,
  MR_IMPORT_MALFORMED: fixInput`A row of an import cannot be read; it is in the dead letters with its file and line.
    Correct the row and import the data set again.`,
  MR_IMPORT_TOO_OLD: fixInput`A data set ends before the events that the log holds, so they would all be too late.
    Import into a data directory of its own with --data.`,
  MR_RUN_AMBIGUOUS: fixInput`The beginning of a run’s id fits several runs.
    Write more of it: see "millrace runs".`,
  MR_RUN_OVER: fixInput`A run that is to be cancelled is over.
    Look at what came of it: "millrace runs show ID".`,
  MR_RUN_UNKNOWN: fixInput`There is no run of that id.
    See "millrace runs".`,
  MR_SEARCH_SPACE: fixInput`The space of a search cannot be read.
    Correct what the message names: see "millrace runs search --help".`,
  MR_SNAPSHOT_FAILED: giveUp`The running start could not take the snapshot that was asked for.
    Read the dead letter: "millrace events tail dead-letters".`,
  MR_UNEXPECTED: giveUp`An error that has no code of its own.
    Run the command again with --log-level debug, and report what it shows.`,
  MR_USAGE: fixInput`A command line cannot be understood.
    See millrace --help, and --help after a command.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof CLI_ERRORS> {}
}
