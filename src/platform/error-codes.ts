/** The error codes of the platform, and the type of all codes. */
import { type CodesOf, fixConfiguration, fixInput, giveUp, type Remedy, retry } from './error-declaration.ts';

export const PLATFORM_ERRORS = {
  MR_ADMIN_DISABLED: fixInput`A request that needs the token of option admin.token, and none is configured.
    Set admin.token, and start again.`,
  MR_ADMIN_TOKEN: fixInput`A request that needs the token of option admin.token has none, or a wrong one.
    Send the one of option admin.token as a bearer token.`,
  MR_CONFIG_CONTRADICTION: fixConfiguration`Two options have values that do not go together.
    Change one of those that the message names.`,
  MR_CONFIG_FILE: fixConfiguration`The configuration file cannot be read or is not one JSON object.
    Give --config an existing JSON file.`,
  MR_CONFIG_INVALID: fixConfiguration`An option has a value that does not fit.
    Correct it where the message says it came from.`,
  MR_CONFIG_UNKNOWN: fixConfiguration`An option does not exist.
    Compare its name with docs/CONFIGURATION.md.`,
  MR_DATA_LOCKED: fixConfiguration`Another process uses the data directory.
    Stop that process, or name another directory with --data.`,
  MR_DATA_UNUSABLE: fixConfiguration`The data directory cannot be created or written.
    Name a directory that this user may write.`,
  MR_DISK_FULL: retry`A disk has no room, or the user no more of it.
    Make room on it: work goes on by itself, and nothing that was acknowledged is lost.`,
  MR_FAILPOINT: giveUp`A failpoint was armed to fail here.
    Unset MILLRACE_FAILPOINTS outside tests.`,
  MR_HTTP_ABORTED: fixInput`A client went away while it sent a request.
    Send it again; events with an event_id count once.`,
  MR_HTTP_BAD_URL: fixInput`The path of a request is not a valid URL.
    Percent-encode it.`,
  MR_HTTP_BODY_INVALID: fixInput`The body of a request is empty or not JSON.
    Send one JSON value.`,
  MR_HTTP_BODY_TOO_LARGE: fixInput`The body of a request is too large.
    Send less at once.`,
  MR_HTTP_BUSY: retry`The server works on as many requests as it may.
    Ask again after the time in the header retry-after.`,
  MR_HTTP_CANT_LISTEN: fixConfiguration`The address cannot be listened on.
    Choose an address of this machine, and a port that this user may open.`,
  MR_HTTP_HEADERS_TOO_LARGE: fixInput`The headers of a request, with its address, are too large (431).
    Send 16 KiB of them at most.`,
  MR_HTTP_HOST: fixInput`A request is for a host that this server does not answer for (421).
    Ask it by its address, or name the host in http.allowedHosts.`,
  MR_HTTP_MALFORMED: fixInput`What was sent is not an HTTP request.
    Send HTTP/1.1, without TLS.`,
  MR_HTTP_MEDIA_TYPE: fixInput`The body of a request is of another type than JSON.
    Send JSON, with content-type: application/json.`,
  MR_HTTP_NOT_FOUND: fixInput`There is no such method and path.
    Compare them with the documentation.`,
  MR_HTTP_NOT_READY: retry`The server cannot answer fully yet.
    Ask again in a moment; not_ready names what it waits for.`,
  MR_HTTP_PIPELINED: retry`More requests of one connection wait for their answers than the server works on (429).
    Read answers before sending more, or spread the requests over several connections.`,
  MR_HTTP_PORT_IN_USE: fixConfiguration`Another program listens on the port.
    Stop it, or choose another port with http.port.`,
  MR_HTTP_QUERY: fixInput`A parameter of a request is unknown, or given more than once.
    The hint names those that the path takes.`,
  MR_HTTP_REQUEST_TIMEOUT: fixInput`A request did not arrive in time (408): 10 s for its headers, 30 s for all of it.
    Send it faster, or less at once.`,
  MR_HTTP_URL_TOO_LONG: fixInput`A part of the path is longer than any id (414).
    Ids have 128 characters at most.`,
  MR_INVARIANT: giveUp`A promise of our own code is broken: a bug.
    Report it with the message and the stack.`,
};

/** Every declared code, each with its remedy: the other rooms add theirs. */
export interface ErrorCodes extends CodesOf<typeof PLATFORM_ERRORS> {}

/** The codes that an error of remedy `R` may have. */
export type CodeFor<R extends Remedy> = {
  [C in keyof ErrorCodes]: R extends ErrorCodes[C] ? C : never;
}[keyof ErrorCodes];
