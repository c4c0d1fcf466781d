/** Values of mapped columns as the types of fields; columns of CSV hold texts, those of JSON and Parquet anything. */
import { cleanText, decimal, isoTime, nameIn, quoted } from '../values.ts';
import type { Field } from './fields.ts';
import type { FieldMapping, TimeUnit } from './mapping.ts';

/** What is wrong with a value; ends its row. */
export class ValueProblem extends Error {}

const MS: Readonly<Record<Exclude<TimeUnit, 'iso'>, number>> = {
  seconds: 1000,
  milliseconds: 1,
  microseconds: 0.001,
};

/** 2100, in ms: what is later is in another unit. */
const LATEST_MS = 4_102_444_800_000;

export type Value = string | number | boolean | readonly string[];
export type ReadValue = (raw: unknown) => Value | undefined;

/** A reader of raw values; undefined stands for an absent one: null, or an empty text. Errors: ValueProblem. */
export function valueReader(name: string, field: Field, mapping: FieldMapping): ReadValue {
  const typed = typedReader(field, 'column' in mapping ? mapping : {});
  const values = 'column' in mapping ? mapping.values : undefined;
  const problem = (raw: unknown, what: string) => new ValueProblem(`${name} ${quoted(raw)} ${what}`);
  return (raw) => {
    const given = values === undefined ? raw : translated(raw, values);
    if (given === undefined && raw !== undefined && raw !== null && raw !== '') {
      throw problem(raw, `is not among the values of the mapping`);
    }
    if (given === undefined || given === null || given === '') {
      if (field.isRequired) throw new ValueProblem(`${name} is missing or empty`);
      return undefined;
    }
    const value = typed(given);
    if (value === undefined) throw problem(raw, `is not ${described(field, mapping)}`);
    // A text of spaces alone says nothing.
    return value === '' ? undefined : value;
  };
}

function translated(raw: unknown, values: Readonly<Record<string, string>>): unknown {
  const key = String(raw);
  return Object.hasOwn(values, key) ? values[key] : undefined;
}

type Options = { readonly time?: TimeUnit; readonly split?: string };

function typedReader({ type, symbols = [] }: Field, { time = 'iso', split }: Options): ReadValue {
  switch (type) {
    case 'id':
      return nameIn;
    case 'text':
      return (raw) => {
        const text = nameIn(raw);
        return text === undefined ? undefined : cleanText(text);
      };
    case 'number':
      return numberOf;
    case 'whole':
      return (raw) => {
        const number = numberOf(raw);
        return Number.isSafeInteger(number) ? number : undefined;
      };
    case 'flag':
      return flagOf;
    case 'time':
      return (raw) => timeOf(raw, time);
    case 'list':
      return (raw) => listOf(raw, split);
    case 'one-of':
      return (raw) => {
        const text = nameIn(raw);
        return text !== undefined && symbols.includes(text) ? text : undefined;
      };
  }
}

function described({ type, symbols = [] }: Field, mapping: FieldMapping): string {
  const time = ('column' in mapping ? mapping.time : undefined) ?? 'iso';
  const names: Readonly<Record<Field['type'], string>> = {
    id: 'a text or a whole number',
    text: 'a text',
    number: 'a number',
    whole: 'a whole number',
    flag: 'true or false',
    time: time === 'iso' ? 'a time in ISO 8601' : `a time in ${time} since 1970`,
    list: 'a list of texts',
    'one-of': `one of ${symbols.join(', ')}`,
  };
  return names[type];
}

function numberOf(raw: unknown): number | undefined {
  if (typeof raw === 'string') return decimal(raw);
  const number = typeof raw === 'bigint' ? Number(raw) : raw;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

function flagOf(raw: unknown): boolean | undefined {
  const text = String(raw).trim().toLowerCase();
  return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : undefined;
}

/** ms since the epoch. A column of Parquet may have times of its own. */
function timeOf(raw: unknown, unit: TimeUnit): number | undefined {
  if (raw instanceof Date) return raw.getTime();
  if (unit === 'iso') return typeof raw === 'string' ? isoTime(raw) : undefined;
  const number = numberOf(raw);
  const ms = number === undefined ? undefined : Math.round(number * MS[unit]);
  return ms !== undefined && ms >= 0 && ms <= LATEST_MS ? ms : undefined;
}

function listOf(raw: unknown, split: string | undefined): readonly string[] | undefined {
  if (typeof raw === 'string') {
    const parts = split === undefined ? [raw] : raw.split(split);
    return parts.map((part) => part.trim()).filter((part) => part !== '');
  }
  if (!Array.isArray(raw) || raw.some((each) => typeof each !== 'string')) return undefined;
  return raw as readonly string[];
}
