/** The error codes of copies of a log. */
import { type CodesOf, fixConfiguration } from '#platform';

export const LOG_COPY_ERRORS = {
  MR_COPY_EXPIRES: fixConfiguration`A record to be copied is older than the target keeps the records of its topic.
    Give the address of the target ?retention=none, on a prefix of its own.`,
  MR_COPY_TARGET_OCCUPIED: fixConfiguration`A topic of the target holds records that are not of this copy.
    Copy to a log without that topic.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof LOG_COPY_ERRORS> {}
}
