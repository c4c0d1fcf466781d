/**
 * Proof that a query comes from a process with the same secret. The secret itself is not sent: addresses of peers come from the
 * group's metadata, which another member could have written.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** How far the clocks of two processes may differ, ms; also how long a signature can be repeated, for the same rows. */
const CLOCK_SKEW_MS = 60_000;
const TOKEN = /^peer\.(\d{1,16})\.([\w-]{43})$/;

/** A bearer token for one GET of `path`, which includes the query. */
export function signPeerRequest(secret: string, path: string, nowMs: number): string {
  return `peer.${nowMs}.${signature(secret, path, nowMs).toString('base64url')}`;
}

/** Whether the token is of the form that signPeerRequest gives. */
export function isPeerToken(token: string): boolean {
  return TOKEN.test(token);
}

/** Whether a peer with the secret has signed the request for `path` within a minute. */
export function verifyPeerRequest(secret: string, token: string, path: string, nowMs: number): boolean {
  const [, at, given = ''] = TOKEN.exec(token) ?? [];
  if (at === undefined || Math.abs(nowMs - Number(at)) > CLOCK_SKEW_MS) return false;
  return timingSafeEqual(signature(secret, path, Number(at)), Buffer.from(given, 'base64url'));
}

function signature(secret: string, path: string, atMs: number): Buffer {
  return createHmac('sha256', secret).update(`millrace peer\n${atMs}\nGET ${path}`).digest();
}
