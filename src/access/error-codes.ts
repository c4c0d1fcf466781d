/** The error codes of credentials and limits. */
import { type CodesOf, fixConfiguration, fixInput, retry } from '#platform';

export const ACCESS_ERRORS = {
  MR_ACCESS_GRANT: fixInput`A role or right does not exist.
    Use those that the message lists.`,
  MR_ACCESS_JWKS: fixConfiguration`The key set of jwt.jwks cannot be used.
    Name a file with a JSON Web Key Set, or an https address that serves one.`,
  MR_ACCESS_KEY_EXISTS: fixInput`A valid API key with this name exists.
    Choose another name, or revoke the key first.`,
  MR_ACCESS_KEY_NAME: fixInput`The name of an API key is malformed.
    Use 1 to 64 letters, digits and _ . -`,
  MR_ACCESS_KEY_UNKNOWN: fixInput`No valid API key has this name.
    List them with \`millrace keys list\`.`,
  MR_ACCESS_KEYS_AWAY: retry`The keys that a token would be verified with cannot be read.
    Retry; if it persists, check jwt.jwks, and the log.`,
  MR_ACCESS_LIMITS_AWAY: retry`The rate limits of the caller cannot be checked, and the route does not answer without them.
    Retry when the Redis of limits.store is back.`,
  MR_ACCESS_RATE: retry`The caller has sent more requests within a minute than limits.client, limits.user or limits.routes allow (429).
    Retry after the time in the header retry-after.`,
  MR_ACCESS_TOKEN: fixInput`A token is not one that this server accepts (401).
    Send a valid one; the message says what is wrong with it.`,
  MR_ACCESS_TOKEN_EXPIRED: fixInput`A token has expired (401).
    Get a new one from its issuer.`,
  MR_ACCESS_UNPROTECTED: fixConfiguration`The server would listen beyond this machine, and nobody could authenticate.
    Set admin.token or the options of jwt, create an API key, or use --insecure on a network that you trust.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof ACCESS_ERRORS> {}
}
