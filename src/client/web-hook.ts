/** How old a post may be, ms: clocks differ, and deliveries take their time. */
const DEFAULT_TOLERANCE_MS = 300_000;

export type WebHookPost = {
  /** The value of option notifications.secret. */
  readonly secret: string;
  /** The headers of the request; their names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** As it was received, byte for byte. */
  readonly body: string;
  /** The time of the receiver, ms since the epoch; its own clock where it is not said. */
  readonly nowMs?: number;
  readonly toleranceMs?: number;
};

/**
 * Whether a post to a web hook is Millrace's and new: it is signed with the secret, and its time is not further from the
 * receiver's than `toleranceMs` (five minutes). A post within that time that is sent again has the same
 * `x-millrace-delivery`, as a delivery has that is retried: whoever acts on posts notes those.
 */
export async function verifyWebHook({
  secret,
  headers,
  body,
  nowMs = Date.now(),
  toleranceMs = DEFAULT_TOLERANCE_MS,
}: WebHookPost): Promise<boolean> {
  const timestamp = headers['x-millrace-timestamp'];
  const signature = headers['x-millrace-signature'];
  if (typeof timestamp !== 'string' || typeof signature !== 'string') return false;
  if (!/^\d+$/.test(timestamp) || Math.abs(nowMs - Number(timestamp) * 1_000) > toleranceMs) return false;
  const given = /^sha256=([0-9a-f]{64})$/.exec(signature)?.[1];
  if (given === undefined) return false;
  const bytes = Uint8Array.from(given.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  const encoder = new TextEncoder();
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), algorithm, false, ['verify']);
  // Compares in constant time.
  return crypto.subtle.verify('HMAC', key, bytes, encoder.encode(`${timestamp}.${body}`));
}
