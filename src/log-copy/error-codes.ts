/** The error codes of copies of a log. */
import { type CodesOf, fixConfiguration } from '#platform';

export const LOG_COPY_ERRORS = {
  MR_COPY_EXPIRES: fixConfiguration`A record to copy is older than the target's retention for its topic.
    Add ?retention=none to the address of the target, with a prefix of its own.`,
  MR_COPY_TARGET_OCCUPIED: fixConfiguration`A topic of the target holds records that this copy did not write.
    Copy to a log without that topic.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof LOG_COPY_ERRORS> {}
}
