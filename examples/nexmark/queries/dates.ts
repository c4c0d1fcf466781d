/** Parts of a time, in UTC. */

export const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** As `2026-01-30`. */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** As `23:59`. */
export const minuteOf = (ms: number): string => new Date(ms).toISOString().slice(11, 16);

export const hourOf = (ms: number): number => Math.floor((ms % DAY_MS) / HOUR_MS);
