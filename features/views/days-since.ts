const DAY_MS = 86_400_000;

/** Days from `ts` to `now`, both ms; 0 for an event that is newer than now, null without one. */
export function daysSince(ts: number | null, now: number): number | null {
  return ts === null ? null : Math.max(0, now - ts) / DAY_MS;
}
