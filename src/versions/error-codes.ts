/** The error codes of the handling of versions. */
import { type CodesOf, fixInput, retry } from '#platform';

export const VERSIONS_ERRORS = {
  MR_ADMIN_REQUEST: fixInput`The body of a request under /admin is malformed.
    Send a body as the hint shows.`,
  MR_QUALITY_HOURS: fixInput`The quality of answers is kept for seven days.
    Ask for 1 to 168 hours.`,
  MR_VERSION_NO_ANSWER: retry`A command about versions was not answered in time; it is carried out later.
    Check that the processors run, and look at \`millrace versions\`.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof VERSIONS_ERRORS> {}
}
