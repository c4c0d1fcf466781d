/** A mapping file: which files hold events, items or users, and from which columns their fields come. docs/IMPORT.md. */
import { InputError } from '#platform';
import { ENCODINGS, type Encoding } from '../input/encodings.ts';
import { parseJson } from '../json.ts';
import { type Field, type FieldName, type FieldType, type RowKind, rowKinds } from './fields.ts';

const TIME_UNITS = ['iso', 'seconds', 'milliseconds', 'microseconds'] as const;
export type TimeUnit = (typeof TIME_UNITS)[number];

/** Where a field's value comes from: a column, or one text for all rows. */
export type FieldMapping =
  | { readonly constant: string | number | boolean }
  | {
      /** A column's name; in JSON rows a dotted path, such as `item.id`. */
      readonly column: string;
      /** Unit of a time column. */
      readonly time?: TimeUnit;
      /** Maps the column's values to the field's; any other value is malformed. */
      readonly values?: Readonly<Record<string, string>>;
      /** Separator of a list written as one text. */
      readonly split?: string;
    };

export type FileFormatName = 'csv' | 'jsonl' | 'parquet';

export type FileMapping = {
  /** Names of files, without ".gz"; `*` stands for any characters. */
  readonly files: string;
  readonly format: FileFormatName;
  readonly delimiter: string;
  /** Of CSV: whether quotes are characters like others. */
  readonly quote?: 'none';
  /** Of CSV and JSONL: UTF-8 by default. */
  readonly encoding?: Encoding;
  /** Of CSV without a header line. */
  readonly columns?: readonly string[];
  readonly rows: RowKind;
  readonly fields: Readonly<Partial<Record<FieldName, FieldMapping>>>;
};

const QUOTES = ['"', 'none'] as const;
const FORMATS: readonly FileFormatName[] = ['csv', 'jsonl', 'parquet'];
const FILE_KEYS = ['files', 'format', 'delimiter', 'quote', 'encoding', 'columns', 'rows', 'fields'];
const FIELD_KEYS = ['column', 'constant', 'time', 'values', 'split'];

/** Errors: InputError MR_IMPORT_MAPPING, which names the place. */
export function parseMapping(text: string): readonly FileMapping[] {
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (cause) {
    throw malformed('', `it is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  const files = Array.isArray(json) ? json : [json];
  if (files.length === 0) throw malformed('', 'it names no files');
  return files.map((each, i) => fileMapping(each, Array.isArray(json) ? `[${i}].` : ''));
}

function fileMapping(json: unknown, at: string): FileMapping {
  const given = objectOf(json, at, FILE_KEYS);
  const files = textAt(given, 'files', at);
  const rows = oneOf(given.rows, Object.keys(rowKinds) as RowKind[], `${at}rows`);
  const format =
    given.format === undefined ? formatOf(files, at) : oneOf(given.format, FORMATS, `${at}format`);
  const delimiter = given.delimiter === undefined ? ',' : textAt(given, 'delimiter', at);
  if (delimiter.length !== 1 || /["\n\r]/.test(delimiter))
    throw malformed(`${at}delimiter`, 'it is not one character');
  const { columns, quote, encoding } = given;
  if (format !== 'csv' && [given.delimiter, quote, columns].some((each) => each !== undefined)) {
    throw malformed(at, `delimiter, quote and columns are for csv, the format is ${format}`);
  }
  if (format === 'parquet' && encoding !== undefined) {
    throw malformed(`${at}encoding`, 'files of format parquet have none');
  }
  if (columns !== undefined && !isTexts(columns))
    throw malformed(`${at}columns`, 'it is not a list of names');
  const fields = fieldMappings(given.fields, rows, `${at}fields`);
  return {
    ...{ files, format, delimiter, rows, fields },
    // What is left out is absent: the identity of an import is made of this.
    ...(columns !== undefined && { columns }),
    ...(quote !== undefined && oneOf(quote, QUOTES, `${at}quote`) === 'none' && { quote: 'none' as const }),
    ...(encoding !== undefined && { encoding: oneOf(encoding, ENCODINGS, `${at}encoding`) }),
  };
}

function fieldMappings(json: unknown, rows: RowKind, at: string): FileMapping['fields'] {
  const known: Readonly<Record<string, Field>> = rowKinds[rows];
  const given = objectOf(json, `${at}.`, Object.keys(known));
  for (const [name, { isRequired }] of Object.entries(known)) {
    if (isRequired && given[name] === undefined) throw malformed(at, `${name} is missing`);
  }
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const { type } = known[name] as Field;
      return [name, fieldMapping(value, type, `${at}.${name}`)];
    }),
  );
}

function fieldMapping(json: unknown, type: FieldType, at: string): FieldMapping {
  if (typeof json === 'string') return { column: json };
  const given = objectOf(json, `${at}.`, FIELD_KEYS);
  if ((given.column === undefined) === (given.constant === undefined)) {
    throw malformed(at, 'it needs either a column or a constant');
  }
  const { constant } = given;
  if (constant !== undefined) {
    if (Object.keys(given).length > 1) throw malformed(at, 'a constant has nothing beside it');
    if (typeof constant === 'bigint') return { constant: String(constant) };
    if (!['string', 'number', 'boolean'].includes(typeof constant))
      throw malformed(at, 'a constant is a text or a number');
    return { constant: constant as string | number | boolean };
  }
  const column = textAt(given, 'column', `${at}.`);
  const { time, values, split } = given;
  if (time !== undefined && type !== 'time') throw malformed(`${at}.time`, 'the field is no time');
  if (split !== undefined && type !== 'list') throw malformed(`${at}.split`, 'the field is no list');
  return {
    column,
    ...(time !== undefined && { time: oneOf(time, TIME_UNITS, `${at}.time`) }),
    ...(values !== undefined && { values: textsByText(values, `${at}.values`) }),
    ...(split !== undefined && { split: textAt(given, 'split', `${at}.`) }),
  };
}

function formatOf(files: string, at: string): FileFormatName {
  const format = FORMATS.find((name) => files.toLowerCase().endsWith(`.${name}`));
  if (format !== undefined) return format;
  throw malformed(`${at}format`, `it is missing, and "${files}" does not end with .${FORMATS.join(', .')}`);
}

function textsByText(json: unknown, at: string): Readonly<Record<string, string>> {
  const given = objectOf(json, `${at}.`);
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== 'string') throw malformed(`${at}.${name}`, 'it is not a text');
  }
  return given as Readonly<Record<string, string>>;
}

type Given = Readonly<Record<string, unknown>>;

function objectOf(json: unknown, at: string, known?: readonly string[]): Given {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw malformed(at.replace(/\.$/, ''), 'it is not an object');
  }
  const unknown = Object.keys(json).find((name) => known !== undefined && !known.includes(name));
  if (unknown !== undefined)
    throw malformed(`${at}${unknown}`, `there is no such key, only ${known?.join(', ')}`);
  return json as Given;
}

function textAt(given: Given, name: string, at: string): string {
  const value = given[name];
  if (typeof value !== 'string' || value === '')
    throw malformed(`${at}${name}`, 'it is not a text, or empty');
  return value;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string');
}

function oneOf<T extends string>(value: unknown, known: readonly T[], at: string): T {
  if (known.includes(value as T)) return value as T;
  throw malformed(at, `it is not one of ${known.join(', ')}`);
}

function malformed(at: string, problem: string): InputError {
  const where = at === '' ? 'The mapping' : `The mapping, at ${at.replace(/\.$/, '')}`;
  return new InputError('MR_IMPORT_MAPPING', `${where}: ${problem}.`, {
    hint: 'docs/IMPORT.md describes mapping files, with examples.',
  });
}
