import { createHmac } from 'node:crypto';
import type { Clock } from '#platform';
import type { Channel } from './port.ts';
import { refused, undelivered } from './refusals.ts';

export type WebHookOptions = {
  /** Where to post, and by which secret it is signed, if it is; asked for each post, as both may be renewed. */
  readonly receiver: () => { readonly url: string; readonly secret: string | undefined };
  readonly format: 'json' | 'slack';
  readonly clock: Clock;
};

const TIMEOUT_MS = 10_000;

/** Posts notices as JSON, signed, or as messages for Slack's incoming webhooks. */
export function webHook({ receiver, format, clock }: WebHookOptions): Channel {
  return {
    group: 'notifications',
    deliver: async (notice, signal) => {
      const { url, secret } = receiver();
      const body = JSON.stringify(format === 'slack' ? { text: notice.slack } : notice.body);
      const timestamp = String(Math.floor(clock.now() / 1_000));
      const headers = {
        'content-type': 'application/json',
        'x-millrace-delivery': notice.id,
        'x-millrace-timestamp': timestamp,
        ...(secret !== undefined && { 'x-millrace-signature': signatureOf(secret, timestamp, body) }),
      };
      await post(url, { method: 'POST', headers, body, redirect: 'manual' }, signal);
    },
    close: () => {},
  };
}

async function post(url: string, request: RequestInit, signal: AbortSignal): Promise<void> {
  const whole = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const response = await fetch(url, { ...request, signal: whole }).catch((cause: unknown) => {
    throw undelivered('does not answer', cause);
  });
  await response.body?.cancel();
  if (response.ok) return;
  const { status } = response;
  // Who redirects has moved, for now perhaps: what was signed for one address is not sent to another.
  if (status < 400 || status >= 500 || status === 408 || status === 429)
    throw undelivered(`answers ${status}`);
  throw refused(String(status), 'Correct notifications.url, notifications.secret or notifications.format.');
}

/**
 * `sha256=` and the HMAC-SHA256, in hexadecimal digits, of the time in seconds, a dot, and the body as sent. Who checks it
 * also compares the time with their clock, so that nobody can send an old one again: verifyWebHook of `millrace/client`.
 */
function signatureOf(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}
