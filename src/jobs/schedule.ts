import { Cron } from 'croner';
import { ConfigurationError } from '#platform';

/** A schedule that was read: minutes of UTC at which something is due. */
export interface Schedule {
  /** As it was written. */
  readonly text: string;
  /** The first time after `ms` that fits, at a whole minute; undefined where there is none, such as a 30 February. */
  next(ms: number): number | undefined;
}

/**
 * Reads five fields of cron in UTC: minute, hour, day of the month, month, day of the week (0 and 7 are Sunday; names
 * work as well). Where both fields of days are given, a day fits that fits either. Errors: ConfigurationError
 * MR_JOB_SCHEDULE.
 */
export function readSchedule(text: string): Schedule {
  const cron = patternOf(text);
  return { text, next: (ms) => cron.nextRun(new Date(ms))?.getTime() };
}

export function isSchedule(text: string): boolean {
  try {
    readSchedule(text);
    return true;
  } catch {
    return false;
  }
}

function patternOf(text: string): Cron {
  try {
    if (!/^\S+( +\S+){4}$/.test(text)) throw new Error('it does not have five fields');
    return new Cron(text, { timezone: 'UTC', mode: '5-part', sloppyRanges: true });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigurationError('MR_JOB_SCHEDULE', `"${text}" is no schedule: ${why}.`, {
      hint: 'Write minute, hour, day, month and weekday, such as "0 3 * * *" for 03:00 UTC each day; or "off".',
      cause,
    });
  }
}
