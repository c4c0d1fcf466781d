/** When a job runs without being asked: as options write it, and as the scheduler looks at it. */
import { ConfigurationError } from '#platform';
import { EVENT_NAMES, type EventName } from './event-names.ts';
import { readSchedule, type Schedule } from './schedule.ts';

export type When =
  | { readonly kind: 'cron'; readonly schedule: Schedule }
  /** So long after what the job counts from: by default its own last run. */
  | { readonly kind: 'interval'; readonly everyMs: number }
  /** So many new records, by default posted events since its own last run. */
  | { readonly kind: 'count'; readonly every: number }
  | { readonly kind: 'event'; readonly event: EventName }
  /** Each start of a process that becomes the active scheduler. */
  | { readonly kind: 'start' };

const EVENT_FORMS = EVENT_NAMES.map((name) => `"on ${name}"`).join(', ');

/** What options expect. */
export const WHEN_FORMS = `off, or forms separated by semicolons: five fields of cron in UTC, "every N events", "every N minutes", "every N hours", "every N days", "on start", ${EVENT_FORMS}`;

const UNIT_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/** Reads `off`, or forms separated by semicolons. Errors: ConfigurationError MR_JOB_SCHEDULE. */
export function readWhen(text: string): readonly When[] {
  if (text === 'off') return [];
  return text.split(';').map((each) => readOne(each.trim()));
}

function readOne(text: string): When {
  const every = /^every ([1-9]\d*) (event|minute|hour|day)s?$/.exec(text);
  if (every !== null) {
    const [, number, unit] = every as unknown as [string, string, 'event' | keyof typeof UNIT_MS];
    if (unit === 'event') return { kind: 'count', every: Number(number) };
    return { kind: 'interval', everyMs: Number(number) * UNIT_MS[unit] };
  }
  const on = /^on (\S+)$/.exec(text)?.[1];
  if (on === undefined) return { kind: 'cron', schedule: readSchedule(text) };
  if (on === 'start') return { kind: 'start' };
  const event = EVENT_NAMES.find((name) => name === on);
  if (event !== undefined) return { kind: 'event', event };
  throw new ConfigurationError('MR_JOB_SCHEDULE', `There is no event "${on}".`, {
    hint: `Write ${WHEN_FORMS}.`,
  });
}

export function isWhen(text: string): boolean {
  try {
    readWhen(text);
    return true;
  } catch {
    return false;
  }
}

export function whenText(when: When): string {
  switch (when.kind) {
    case 'cron':
      return when.schedule.text;
    case 'interval':
      return intervalText(when.everyMs);
    case 'count':
      return everyText(when.every, 'event');
    case 'event':
      return `on ${when.event}`;
    case 'start':
      return 'on start';
  }
}

/** In the largest unit of which it is a whole number. */
function intervalText(everyMs: number): string {
  const units = ['day', 'hour', 'minute'] as const;
  const unit = units.find((each) => everyMs % UNIT_MS[each] === 0) ?? 'minute';
  return everyText(everyMs / UNIT_MS[unit], unit);
}

const everyText = (count: number, unit: string) => `every ${count} ${unit}${count === 1 ? '' : 's'}`;
