/** The error codes of the handling of versions. */
import { type CodesOf, fixInput, retry } from '#platform';

export const VERSIONS_ERRORS = {
  MR_ADMIN_REQUEST: fixInput`The body of a request under /admin is malformed.
    Send what the hint shows.`,
  MR_VERSION_NO_ANSWER: retry`Nobody has answered a command over versions in time; it is carried out later.
    See that the processors run, and look at \`millrace versions\`.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof VERSIONS_ERRORS> {}
}
