const UUID_V7 = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** When a request got its id, ms since the epoch, where the id tells: a UUID of version 7 (RFC 9562). */
export function timeOfRequestId(requestId: string): number | undefined {
  const [, high, low] = UUID_V7.exec(requestId) ?? [];
  return high === undefined ? undefined : Number.parseInt(`${high}${low}`, 16);
}
