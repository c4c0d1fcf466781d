const DAY_MS = 86_400_000;

/** The event date of a time, UTC, as days since the epoch. */
export function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS);
}

/** As YYYY-MM-DD. */
export function dateText(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** The day of a text that `dateText` made. */
export function dayOfText(date: string): number {
  return dayOf(Date.parse(date));
}

export function startOfDay(day: number): number {
  return day * DAY_MS;
}

/** The folder of a date within a table's. */
export function dateFolder(date: string): string {
  const [year, month, day] = date.split('-');
  return `year=${year}/month=${month}/day=${day}`;
}
