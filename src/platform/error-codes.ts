/** The error codes of the platform, and the type of all codes. */
import { type CodesOf, fixConfiguration, fixInput, giveUp, type Remedy, retry } from './error-declaration.ts';

export const PLATFORM_ERRORS = {
  MR_ACCESS_RIGHT: fixInput`The caller lacks the right that a route requires (403).
    Use a credential that has it; docs/SECURITY.md lists rights and roles.`,
  MR_ACCESS_TOKEN_MISSING: fixInput`A request has no token, and its route requires one (401).
    Send an API key, a JSON web token or the value of option admin.token as a bearer token.`,
  MR_ACCESS_USER: fixInput`A user's own token was used for a request about another user (403).
    Send the token's subject as the user, or use the credential of a service.`,
  MR_CONFIG_CONTRADICTION: fixConfiguration`Two options have contradictory values.
    Change one of the options that the message names.`,
  MR_CONFIG_FILE: fixConfiguration`The configuration file cannot be read or is not a JSON object.
    Point --config at an existing JSON file.`,
  MR_CONFIG_INVALID: fixConfiguration`An option has an invalid value.
    Correct it in the source that the message names.`,
  MR_CONFIG_PRODUCTION: fixConfiguration`Profile prod refuses to start with options that are not fit for production.
    Change the options that the message names, or choose another profile.`,
  MR_CONFIG_SECRET: fixConfiguration`A secret that an option refers to cannot be read: a file, a variable or a command.
    Correct what the message names; the option's value is file:PATH, env:NAME or exec:COMMAND.`,
  MR_CONFIG_UNKNOWN: fixConfiguration`An option does not exist.
    Compare its name with docs/CONFIGURATION.md.`,
  MR_DATA_LOCKED: fixConfiguration`Another process uses the data directory.
    Stop that process, or choose another directory with --data.`,
  MR_DATA_UNUSABLE: fixConfiguration`The data directory cannot be created, read or written.
    Choose a directory that this user may read and write.`,
  MR_DISK_FULL: retry`A disk is full, or the user's quota on it is used up.
    Free space on it: work resumes by itself, and nothing that was acknowledged is lost.`,
  MR_FAILPOINT: giveUp`A failpoint was armed to fail here.
    Unset MILLRACE_FAILPOINTS outside tests.`,
  MR_HTTP_ABORTED: fixInput`A client disconnected while sending a request.
    Send it again; events with an event_id count once.`,
  MR_HTTP_BAD_URL: fixInput`The path of a request is not a valid URL.
    Percent-encode it.`,
  MR_HTTP_BODY_INVALID: fixInput`A request body is empty or not JSON, or has a key that could change an object's prototype.
    Send one JSON value, without the keys __proto__ and constructor.prototype.`,
  MR_HTTP_BODY_TOO_LARGE: fixInput`A request body is too large.
    Send less at once.`,
  MR_HTTP_BUSY: retry`The server is handling as many requests, or bytes of them, as it allows.
    Retry after the time in the header retry-after.`,
  MR_HTTP_CANT_LISTEN: fixConfiguration`The server cannot listen on the address.
    Choose an address of this machine, and a port that this user may open.`,
  MR_HTTP_CERTIFICATE: fixConfiguration`The certificate of the HTTP server, its key or its authority cannot be used.
    Point the options that the message names at PEM files that belong together and are valid now.`,
  MR_HTTP_CLIENT_BUSY: retry`The requests of one client that are being worked on have as many bytes as it may send at a time (429).
    Wait for answers before sending more; a client may have half of http.bodiesMb.`,
  MR_HTTP_HEADERS_TOO_LARGE: fixInput`The headers of a request, including its URL, are too large (431).
    Send at most 16 KiB.`,
  MR_HTTP_HOST: fixInput`A request names a host that this server does not serve (421).
    Use the server's address, or list the host in http.allowedHosts.`,
  MR_HTTP_ENCODING: fixInput`A request body is compressed (415).
    Send it as it is, without content-encoding.`,
  MR_HTTP_MALFORMED: fixInput`The bytes received are not an HTTP request.
    Send HTTP/1.1: with TLS where the server has a certificate, else without.`,
  MR_HTTP_MEDIA_TYPE: fixInput`A request body has a media type other than JSON.
    Send JSON, with content-type: application/json.`,
  MR_HTTP_METHOD: fixInput`The path of a request has routes, but none of its method (405).
    Use a method that the header allow lists.`,
  MR_HTTP_NOT_FOUND: fixInput`No route has this path.
    Compare it with the documentation.`,
  MR_HTTP_NOT_READY: retry`The server cannot answer fully yet.
    Retry in a moment; not_ready names what the server is waiting for.`,
  MR_HTTP_PIPELINED: retry`One connection has more unanswered requests than the server allows (429).
    Read answers before sending more, or spread the requests over several connections.`,
  MR_HTTP_PORT_IN_USE: fixConfiguration`Another program listens on the port.
    Stop it, or choose another port with http.port.`,
  MR_HTTP_QUERY: fixInput`A request parameter is unknown, or given more than once.
    The hint lists the parameters of the path.`,
  MR_HTTP_REQUEST: fixInput`A part of a request does not have the form that its route documents.
    Compare the request with /openapi.json.`,
  MR_HTTP_REQUEST_TIMEOUT: fixInput`A request took too long to arrive (408): the limits are 10 s for the headers and 30 s in all.
    Send it faster, or send less at once.`,
  MR_HTTP_URL_TOO_LONG: fixInput`A segment of the path is longer than any id (414).
    Ids have at most 128 characters.`,
  MR_INVARIANT: giveUp`An invariant of Millrace's own code is broken: a bug.
    Report it with the message and the stack.`,
};

/** Every declared code, each with its remedy: the other rooms add theirs. */
export interface ErrorCodes extends CodesOf<typeof PLATFORM_ERRORS> {}

/** The codes that an error of remedy `R` may have. */
export type CodeFor<R extends Remedy> = {
  [C in keyof ErrorCodes]: R extends ErrorCodes[C] ? C : never;
}[keyof ErrorCodes];
