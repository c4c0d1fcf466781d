import { ConfigurationError } from '#platform';

/** A schedule that was read: minutes of UTC at which something is due. */
export interface CronSchedule {
  /** The first time after `ms` that fits, at a whole minute; undefined where there is none, such as a 30 February. */
  next(ms: number): number | undefined;
}

type Field = { readonly name: string; readonly least: number; readonly most: number };

const fields: readonly Field[] = [
  { name: 'minute', least: 0, most: 59 },
  { name: 'hour', least: 0, most: 23 },
  { name: 'day of the month', least: 1, most: 31 },
  { name: 'month', least: 1, most: 12 },
  { name: 'day of the week', least: 0, most: 7 },
];
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A 29 February that falls on a given weekday comes within 40 years. */
const DAYS_SEARCHED = 366 * 40;

/**
 * Reads the five fields of cron: minute, hour, day of the month, month, day of the week (0 and 7 are Sunday), in UTC. A
 * field is `*`, a number, a range `1-5`, either with a step `/15`, or a list of those. As in cron, where both fields of
 * days are given a day fits that fits either. Errors: ConfigurationError MR_TRAINING_SCHEDULE.
 */
export function parseCron(text: string): CronSchedule {
  const parts = text.trim().split(/\s+/);
  if (parts.length !== fields.length) throw unreadable(text, `it has ${parts.length} fields, not 5`);
  const [minutes, hours, monthDays, months, weekDays] = fields.map((field, i) =>
    readField(text, field, parts[i] as string),
  ) as [Set<number>, Set<number>, Set<number>, Set<number>, Set<number>];
  if (weekDays.has(7)) weekDays.add(0);
  const isAny = (place: number) => (parts[place] as string).startsWith('*');

  const fitsDay = (day: Date): boolean => {
    if (!months.has(day.getUTCMonth() + 1)) return false;
    const byMonth = monthDays.has(day.getUTCDate());
    const byWeek = weekDays.has(day.getUTCDay());
    return isAny(2) || isAny(4) ? byMonth && byWeek : byMonth || byWeek;
  };
  return {
    next(ms) {
      const from = (Math.floor(ms / MINUTE_MS) + 1) * MINUTE_MS;
      const firstDay = Math.floor(from / DAY_MS) * DAY_MS;
      for (let day = 0; day < DAYS_SEARCHED; day++) {
        const midnight = firstDay + day * DAY_MS;
        if (!fitsDay(new Date(midnight))) continue;
        for (let minute = Math.max(0, (from - midnight) / MINUTE_MS); minute < 1440; minute++) {
          if (hours.has(Math.floor(minute / 60)) && minutes.has(minute % 60)) {
            return midnight + minute * MINUTE_MS;
          }
        }
      }
      return undefined;
    },
  };
}

function readField(text: string, { name, least, most }: Field, part: string): Set<number> {
  const values = new Set<number>();
  for (const item of part.split(',')) {
    const match = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(item);
    if (match === null) throw unreadable(text, `"${item}" is no ${name}`);
    const [, first, last, step] = match;
    const from = first === undefined ? least : Number(first);
    // A number with a step goes on to the field's end.
    const to = last !== undefined ? Number(last) : first !== undefined && step === undefined ? from : most;
    const by = Number(step ?? 1);
    if (from < least || to > most || from > to || by < 1) {
      throw unreadable(text, `"${item}" is not a ${name}, which is from ${least} to ${most}`);
    }
    for (let value = from; value <= to; value += by) values.add(value);
  }
  return values;
}

function unreadable(text: string, problem: string): ConfigurationError {
  return new ConfigurationError('MR_TRAINING_SCHEDULE', `"${text}" is no schedule: ${problem}.`, {
    hint: 'Write minute, hour, day, month and weekday, such as "0 3 * * *" for 03:00 UTC each day; or "off".',
  });
}
