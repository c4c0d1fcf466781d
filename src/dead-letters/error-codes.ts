/** The error codes of dead letters. */
import { type CodesOf, fixInput, retry } from '#platform';

export const DEAD_LETTERS_ERRORS = {
  MR_DEAD_LETTER_DERIVED: fixInput`The record of a dead letter is on a topic that processors write, whose other readers have processed it.
    Repair the processor and rebuild its state: "millrace replay".`,
  MR_DEAD_LETTER_GONE: fixInput`A dead letter lacks its record's value, which was too large for it, and the log no longer has the record.
    Have its producer send the record again, and drop the dead letter.`,
  MR_DEAD_LETTER_NO_RECORD: fixInput`A dead letter is about a timer, a row or a line of an import, and has no record to append.
    Drop it; import the corrected line again.`,
  MR_DEAD_LETTER_OUTDATED: fixInput`A compacted topic has a newer record of the same key, which a retry would undo.
    Drop the dead letter.`,
  MR_DEAD_LETTER_UNKNOWN: fixInput`There is no dead letter with that id.
    See "millrace dead-letters list --all".`,
  MR_DEAD_LETTERS_FENCED: retry`Another retry or drop of dead letters has begun meanwhile.
    Run the command again: it skips what the other one has done.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof DEAD_LETTERS_ERRORS> {}
}
