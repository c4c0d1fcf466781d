/** Fields of JSON rows, as text and lists. A reader returns what is wrong in place of the value. */
import type { JsonObject } from '../source.ts';
import { isoTime, nameIn, quoted } from '../values.ts';

export type Problem = { readonly problem: string };

export function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'problem' in value;
}

/** A text, or a whole number as text; undefined where the field is absent or null. */
export function idOf(row: JsonObject, field: string): string | undefined | Problem {
  const value = row[field] ?? undefined;
  if (value === undefined) return undefined;
  return nameIn(value) ?? { problem: `${field} ${quoted(value)} is not a text or a whole number` };
}

export function requiredId(row: JsonObject, field: string): string | Problem {
  const id = idOf(row, field);
  return id === undefined || id === '' ? { problem: `${field} is missing or empty` } : id;
}

/** ms since the epoch, as a number or a text of digits; or ISO 8601, UTC where no offset stands. */
export function timeOf(row: JsonObject, field: string): number | Problem {
  const value = row[field];
  const ms = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  const time = typeof ms === 'string' ? isoTime(ms) : ms;
  if (typeof time === 'number' && Number.isSafeInteger(time) && time >= 0) return time;
  return { problem: `${field} ${quoted(value)} is not a time in ms or ISO 8601` };
}

export function listOf(row: JsonObject, field: string): readonly unknown[] | Problem {
  const value = row[field];
  return Array.isArray(value) ? value : { problem: `${field} is not a list` };
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'bigint' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}
