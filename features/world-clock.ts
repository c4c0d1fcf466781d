/** Beyond this distance between watermark and wall clock the world is not this one: an import, a simulation. */
const LIVE_WITHIN_MS = 3_600_000;

/**
 * The time of the world that the events tell of, ms since the epoch. Serving, ttl and decay go by it. By the wall
 * clock every rating of a data set of 1998 would be decades old: decayed to nothing, all of it beyond its ttl, and
 * no replay could show what was served. So the watermark is the time, unless it is within an hour of the wall clock:
 * then the world is live, and the wall clock, which runs on while nobody acts, is the better reading of it. (A live
 * world whose watermark stands still for more than an hour thereby goes back to its last event; heartbeats, which
 * move the watermark of idle partitions, keep that from happening.)
 *
 * A watermark of -Infinity, from which every watermark starts, says that nothing has happened: the wall clock.
 */
export function worldNow({ watermark, wallNow }: { watermark: number; wallNow: number }): number {
  if (watermark === Number.NEGATIVE_INFINITY) return wallNow;
  return Math.abs(wallNow - watermark) <= LIVE_WITHIN_MS ? wallNow : watermark;
}
