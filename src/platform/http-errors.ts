/** What a client is told about an error: a status that says whose fault it is, and code, message and hint. */
import { randomUUID } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { errorCode, MillraceError } from './errors.ts';

export const PROBLEM_TYPE = 'application/problem+json';

export type ErrorBody = {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
};

const statusOfRemedy = {
  retry: 503,
  'give-up': 500,
  'fix-input': 400,
  'fix-configuration': 500,
} as const;

/** Refusals of who asks or how much, not of what is asked; and a fault that is of one user. */
const statusOfCode: Readonly<Record<string, number>> = {
  MR_ACCESS_TOKEN_MISSING: 401,
  MR_ACCESS_TOKEN: 401,
  MR_ACCESS_TOKEN_EXPIRED: 401,
  MR_ACCESS_RIGHT: 403,
  MR_ACCESS_USER: 403,
  MR_ACCESS_RATE: 429,
  MR_HTTP_METHOD: 405,
  MR_HTTP_ENCODING: 415,
  MR_PRIVACY_VAULT_DAMAGED: 503,
  MR_HTTP_HOST: 421,
  MR_ROLE_ELSEWHERE: 421,
  MR_HTTP_PIPELINED: 429,
  MR_HTTP_CLIENT_BUSY: 429,
  MR_EVENTS_LAG: 429,
};

/** Refusals of the framework itself, in our words. */
const frameworkErrors: Readonly<Record<string, { status: number } & ErrorBody>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    status: 413,
    code: 'MR_HTTP_BODY_TOO_LARGE',
    message: 'The request body is too large.',
    hint: 'Send less at once.',
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    status: 415,
    code: 'MR_HTTP_MEDIA_TYPE',
    message: 'The request body has a media type other than JSON.',
    hint: 'Send JSON, with content-type: application/json.',
  },
  FST_ERR_CTP_INVALID_JSON_BODY: notJson('The request body is not JSON.'),
  FST_ERR_CTP_EMPTY_JSON_BODY: notJson('The request body is empty.'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: notJson(
    'The length of the request body differs from its content-length.',
  ),
  FST_ERR_BAD_URL: {
    status: 400,
    code: 'MR_HTTP_BAD_URL',
    message: 'The path of the request is not a valid URL.',
    hint: 'Percent-encode it.',
  },
  FST_ERR_MAX_PARAM_LENGTH: {
    status: 414,
    code: 'MR_HTTP_URL_TOO_LONG',
    message: 'A segment of the path is longer than any id.',
    hint: 'Ids have at most 128 characters.',
  },
};

/** The answer to a client that went away while it sent; nobody reads it. */
export const aborted: { status: number } & ErrorBody = {
  status: 400,
  code: 'MR_HTTP_ABORTED',
  message: 'The request ended before its body did.',
  hint: 'Send it again.',
};

export function statusOf(error: unknown): number {
  if (error instanceof MillraceError) return statusOfCode[error.code] ?? statusOfRemedy[error.remedy];
  const known = frameworkErrors[errorCode(error) ?? ''];
  return known?.status ?? 500;
}

/**
 * The body of an answer that is an error: problem details as of RFC 9457, with the stable code, the message and the hint as
 * members beside them, and what a route adds. The page at `/docs` has the codes.
 */
export function problemOf(status: number, error: ErrorBody, members: object = {}): object {
  const { code, hint } = error;
  const message = status >= 500 ? withoutPaths(error.message) : error.message;
  // Imported above, it would load the whole of fetch with each start of a thread.
  const { STATUS_CODES } = process.getBuiltinModule('node:http');
  const title = STATUS_CODES[status] ?? String(status);
  const described = { code, message, ...(hint !== undefined && { hint }) };
  return { type: `/docs#${code}`, title, status, detail: message, ...described, ...members };
}

/** A text with the last names of absolute paths in it alone: clients have no business with the folders of a server. */
export function withoutPaths(text: string): string {
  return text.replace(/(?<![\w:./-])\/(?:[^\s/:"'`,;)]+\/)+(?=[^\s/])/g, '');
}

/** Sends an error as problem details, with the members that a route adds. */
export function sendProblem(
  reply: FastifyReply,
  status: number,
  error: ErrorBody,
  members?: object,
): FastifyReply {
  return reply
    .code(status)
    .type(PROBLEM_TYPE)
    .send(problemOf(status, error, members));
}

/** Errors that are not ours are bugs: the client learns that there is one, the log learns which. */
export function describeError(error: unknown): ErrorBody {
  if (error instanceof MillraceError) {
    const { code, message, hint } = error;
    return { code, message, ...(hint !== undefined && { hint }) };
  }
  const known = frameworkErrors[errorCode(error) ?? ''];
  if (known !== undefined) {
    const { status: _, ...body } = known;
    return body;
  }
  return {
    code: 'MR_INVARIANT',
    message: 'The request failed because of an error in the server.',
    hint: 'Report it with the x-request-id of this response.',
  };
}

/** The client's own id where it is a plain one, else a new one. */
export function requestIdOf(header: string | readonly string[] | undefined): string {
  return typeof header === 'string' && /^[\w.:-]{1,128}$/.test(header) ? header : randomUUID();
}

function notJson(message: string): { status: number } & ErrorBody {
  return { status: 400, code: 'MR_HTTP_BODY_INVALID', message, hint: 'Send one JSON value.' };
}
