/** Ids, numbers and times from the text of a field; undefined where the text is none. */
import { invalidIdReason } from '#schemas';

const LONGEST_TITLE = 200;
const ZERO = 48;

/** A whole number of 1 to 12 digits, spaces around it allowed. */
export function wholeNumber(text: string): number | undefined {
  const digits = text.trim();
  if (digits.length === 0 || digits.length > 12) return undefined;
  let value = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value;
}

/** A finite number in decimal notation; no hexadecimal, no blank text. */
export function decimal(text: string): number | undefined {
  const trimmed = text.trim();
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return undefined;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : undefined;
}

const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?)?$/i;

/** ms since the epoch of an ISO 8601 date or time; without an offset it is UTC. What the calendar lacks is undefined. */
export function isoTime(text: string): number | undefined {
  const match = ISO.exec(text.trim());
  if (match === null) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '0', offset = 'Z'] = match;
  const ms = Math.floor(Number(`0.${fraction}`) * 1000);
  const local = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
    ms,
  );
  const date = new Date(local);
  // Years below 100 are read by Date.UTC as of the twentieth century.
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const isCalendar = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  if (!isCalendar || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const shift = offsetMs(offset);
  return shift === undefined ? undefined : date.getTime() - shift;
}

function offsetMs(offset: string): number | undefined {
  if (offset.toUpperCase() === 'Z') return 0;
  const [hours, minutes] = [Number(offset.slice(1, 3)), Number(offset.slice(-2))];
  if (hours > 23 || minutes > 59) return undefined;
  return (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

/** Seconds since the epoch up to 2100, as ms: what is larger is in another unit. */
export function secondsTime(text: string): number | undefined {
  const seconds = wholeNumber(text);
  return seconds === undefined || seconds > 4_102_444_800 ? undefined : seconds * 1000;
}

/** A title of one line: control characters and runs of spaces become one space. */
export function cleanTitle(title: string): string {
  return title
    .normalize('NFC')
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .slice(0, LONGEST_TITLE)
    .toWellFormed();
}

/** What is wrong with the id in a field, by the field's name; undefined when nothing is. */
export function idProblem(field: string, id: string): string | undefined {
  if (id === '') return `${field} is empty`;
  const reason = invalidIdReason(id);
  return reason === undefined ? undefined : `${field} ${reason}`;
}

/** A field's text in a message. */
export function quoted(text: unknown): string {
  const json = JSON.stringify(text) ?? String(text);
  return json.length > 60 ? `${json.slice(0, 60)}...` : json;
}
