/** The error codes of imports. */
import { type CodesOf, fixConfiguration, fixInput, giveUp } from '#platform';

export const IMPORT_ERRORS = {
  MR_IMPORT_EXPIRES: fixConfiguration`A data set is older than the brokers' retention: they would delete it as it is written.
    Add ?retention=none to the address of the log, with a prefix of its own.`,
  MR_IMPORT_HEADER: fixInput`The header line or the columns of a file are not those that its format requires.
    Compare the first line with the format that the hint shows.`,
  MR_IMPORT_MALFORMED: fixInput`A row of an import is malformed; it is in the dead letters with its file and line.
    Correct the row and import the data set into a new data directory.`,
  MR_IMPORT_MAPPING: fixInput`The mapping file of an import is malformed.
    Correct what the message names; docs/IMPORT.md describes mapping files.`,
  MR_IMPORT_RUN_DAMAGED: giveUp`A file in which an import keeps sorted records is not what was written.
    Remove the folder import-work of the data directory, and run the same import again: it continues where it was.`,
  MR_IMPORT_TOO_OLD: fixInput`A data set begins before the events on the log end, so its events would be too late.
    Import into a separate data directory with --data.`,
  MR_IMPORT_UNREADABLE: fixInput`A file of an import cannot be read to its end.
    Check that it is complete: a truncated download ends in the middle of a gzip stream.`,
  MR_IMPORT_UNRECOGNISED: fixInput`A path holds no files of the data set that was named, or their rows are of another format.
    The hint says which files are expected.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof IMPORT_ERRORS> {}
}
