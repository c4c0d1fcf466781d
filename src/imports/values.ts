/** Ids, numbers and times from the text of a field; undefined where the text is none. */
import { invalidIdReason } from '#schemas';
import { withDigits } from './json.ts';

/** In UTF-16 code units. */
const LONGEST_TEXT = 200;
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

const DATE = String.raw`(\d{4})(?:-(\d\d)-(\d\d)|(\d\d)(\d\d))`;
const TIME = String.raw`(\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?|(\d\d)(?:(\d\d)(?:[.,](\d{1,9}))?)?)`;
/** PostgreSQL writes offsets of hours, and of seconds for local mean time; BigQuery writes a name. */
const OFFSET = String.raw` ?(?:(Z|UTC)|([+\u2212-])(\d\d)(?::?(\d\d)(?::?(\d\d))?)?)`;
const ISO = new RegExp(`^${DATE}(?:[T ]${TIME}(?:${OFFSET})?)?$`, 'i');

const DAY_S = 86_400;

/**
 * ms since the epoch of an ISO 8601 date or time, extended or basic, with T or a space before the time; without an offset
 * it is UTC. Digits beyond ms are cut off. 24:00 is the end of the day; a leap second counts as the second after it, as in
 * POSIX. Undefined for times that the calendar or the clock does not have.
 */
export function isoTime(text: string): number | undefined {
  const match = ISO.exec(text.trim());
  if (match === null) return undefined;
  const part = (...groups: readonly number[]) => {
    const group = groups.find((each) => match[each] !== undefined);
    return group === undefined ? 0 : Number(match[group]);
  };
  const midnight = midnightOf(part(1), part(2, 4), part(3, 5));
  const [hour, minute, second] = [part(6), part(7, 10), part(8, 11)];
  const ms = Number((match[9] ?? match[12] ?? '').slice(0, 3).padEnd(3, '0'));
  const isEndOfDay = hour === 24 && minute === 0 && second === 0 && ms === 0;
  if (midnight === undefined || (hour > 23 && !isEndOfDay) || minute > 59 || second > 60) return undefined;
  const [offsetHours, offsetMinutes, offsetSeconds] = [part(15), part(16), part(17)];
  if (offsetHours > 23 || offsetMinutes > 59 || offsetSeconds > 59) return undefined;
  const sign = match[14] === '+' || match[14] === undefined ? 1 : -1;
  const offset = sign * (offsetHours * 3600 + offsetMinutes * 60 + offsetSeconds);
  const seconds = midnight / 1000 + hour * 3600 + minute * 60 + second - offset;
  if (second === 60 && !endsMonth(seconds)) return undefined;
  return seconds * 1000 + ms;
}

/** ms since the epoch; undefined for a date that the calendar does not have. */
function midnightOf(year: number, month: number, day: number): number | undefined {
  const date = new Date(0);
  // Date.UTC would take years below 100 for those of the twentieth century.
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : undefined;
}

/** Whether a month begins at this second, in UTC: the only seconds that a leap second can precede. */
function endsMonth(seconds: number): boolean {
  return seconds % DAY_S === 0 && new Date(seconds * 1000).getUTCDate() === 1;
}

/** Seconds since the epoch up to 2100, as ms: what is larger is in another unit. */
export function secondsTime(text: string): number | undefined {
  const seconds = wholeNumber(text);
  return seconds === undefined || seconds > 4_102_444_800 ? undefined : seconds * 1000;
}

/** Printable ASCII with single spaces inside, as most texts are. */
const PLAIN = /^[!-~]+(?: [!-~]+)*$/;
/** Format characters, which join letters and pick forms of emoji, and nothing that they format. */
const FORMATS_NOTHING = /^[\p{Cf} ]*$/u;
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/**
 * Titles, categories, tags and the other free texts: one line in NFC, where control characters and runs of spaces are one
 * space. Format characters stay. A long text is cut between grapheme clusters.
 */
export function cleanText(text: string): string {
  if (text.length <= LONGEST_TEXT && PLAIN.test(text)) return text;
  const line = text
    .toWellFormed()
    .normalize('NFC')
    .replace(/[\p{Cc}\p{Z}]+/gu, ' ')
    .replace(/^ | $/g, '');
  return FORMATS_NOTHING.test(line) ? '' : cut(line);
}

function cut(text: string): string {
  if (text.length <= LONGEST_TEXT) return text;
  const first = graphemes.segment(text.slice(0, 2 * LONGEST_TEXT)).containing(LONGEST_TEXT)?.index ?? 0;
  if (first > 0) return text.slice(0, first).trimEnd();
  // One cluster of hundreds of marks: between code points.
  return text.slice(0, LONGEST_TEXT).replace(/[\uD800-\uDBFF]$/, '');
}

/** What is wrong with the id in a field, by the field's name; undefined when nothing is. */
export function idProblem(field: string, id: string): string | undefined {
  if (id === '') return `${field} is empty`;
  const reason = invalidIdReason(id);
  return reason === undefined ? undefined : `${field} ${reason}`;
}

/** The name in a text or a whole number, as its digits stand there; undefined for anything else. */
export function nameIn(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'bigint' || Number.isSafeInteger(value) ? String(value) : undefined;
}

/** A field's text in a message. */
export function quoted(text: unknown): string {
  const json = withDigits(text) ?? String(text);
  return json.length > 60 ? `${json.slice(0, 60)}...` : json;
}
