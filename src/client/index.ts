/**
 * A client of the HTTP API for programs in TypeScript and JavaScript, also those without the rest of this package:
 * `millrace/client`. It promises that requests and answers are typed as `/openapi.json` documents them, that an answer which
 * is an error is thrown as an ApiError with its stable code, and that nothing is needed at run time but `fetch`. Retrying is
 * left to the caller.
 */
export type * from './api.ts';
export { type Client, type ClientOptions, createClient } from './client.ts';
export { ApiError } from './error.ts';
export { verifyWebHook, type WebHookPost } from './web-hook.ts';
