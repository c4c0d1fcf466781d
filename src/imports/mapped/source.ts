/** Any CSV, JSONL or Parquet files, by a mapping file. */
import { InputError } from '#platform';
import type { Interaction, InteractionContext, Item, User } from '#schemas';
import { eventOf, itemOf, userOf } from '../events.ts';
import type { FileFormat, FileReading, OpenedSource, RowReader, RowSink, Source } from '../source.ts';
import { type Field, type RowKind, rowKinds } from './fields.ts';
import { type FieldMapping, type FileMapping, parseMapping } from './mapping.ts';
import { type ReadValue, type Value, ValueProblem, valueReader } from './values.ts';

export const mappedFiles: Source = {
  name: 'files',
  does: 'Import CSV, JSONL or Parquet files by a mapping file, which says what their columns are.',
  expected: 'Expected files whose names match "files" of the mapping, plain or gzipped.',
  examples: [
    ['millrace import files shop --mapping shop.json --dry-run', 'the first events, what is refused'],
    ['millrace import files shop --mapping shop.json', 'and import the folder'],
    ['zcat a.csv.gz | millrace import files - --mapping a.json', 'from standard input'],
  ],
  notes: 'The format of mapping files is described in docs/IMPORT.md.',
  isMapped: true,
  open: (mapping): OpenedSource => {
    const files = parseMapping(mapping);
    checkConstants(files);
    return {
      readingOf: (name, isChosen) => readingOf(files, name, isChosen),
      missing: (names) => (names.length === 0 ? 'the mapping matches none of the files' : undefined),
      identity: `files ${JSON.stringify(files)}`,
    };
  },
};

/** Errors: InputError MR_IMPORT_MAPPING for a constant that no row can have. */
function checkConstants(files: readonly FileMapping[]): void {
  for (const { rows, fields } of files) {
    const known: Readonly<Record<string, Field>> = rowKinds[rows];
    for (const [name, mapping] of Object.entries(fields)) {
      if (!('constant' in mapping)) continue;
      try {
        valueReader(name, known[name] as Field, mapping)(mapping.constant);
      } catch (error) {
        if (!(error instanceof ValueProblem)) throw error;
        throw new InputError('MR_IMPORT_MAPPING', `The mapping: the constant of ${error.message}.`);
      }
    }
  }
}

/** With one file in the mapping, a file that the user chose need not match its name. */
function readingOf(files: readonly FileMapping[], name: string, isChosen: boolean): FileReading | undefined {
  const found =
    files.find((each) => matches(each.files, name)) ??
    (isChosen && files.length === 1 ? files[0] : undefined);
  return found && { format: formatOf(found), namesUsers: found.rows !== 'items' };
}

function matches(pattern: string, name: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(name);
}

function formatOf(mapping: FileMapping): FileFormat {
  const { format, delimiter, quote, columns: given } = mapping;
  const encoding = mapping.encoding === undefined ? {} : { encoding: mapping.encoding };
  if (format === 'jsonl') {
    return { rows: 'json', ...encoding, open: () => rowReader(mapping, (column) => pathReader(column)) };
  }
  if (format === 'parquet') {
    return {
      rows: 'parquet',
      open: (columns) => {
        const used = usedColumns(mapping);
        for (const column of used) indexIn(columns, column);
        return {
          columns: used,
          read: rowReader(mapping, (column) => fieldReader(indexIn(used, column))),
        };
      },
    };
  }
  return {
    rows: 'delimited',
    delimiter,
    isQuoted: quote !== 'none',
    mayBeLatin1: false,
    ...encoding,
    open: (first) => {
      const columns = given ?? first.map((name) => name.trim());
      const read = rowReader<readonly string[]>(mapping, (column) => fieldReader(indexIn(columns, column)));
      return {
        isHeader: given === undefined,
        width: columns.length,
        read: (fields, sink) =>
          fields.length === columns.length
            ? read(fields, sink)
            : `${fields.length} fields instead of ${columns.length}`,
      };
    },
  };
}

function usedColumns({ fields }: FileMapping): readonly string[] {
  const used = Object.values(fields).flatMap((field) => ('column' in field ? [field.column] : []));
  return [...new Set(used)];
}

/** Errors: InputError MR_IMPORT_HEADER. */
function indexIn(columns: readonly string[], column: string): number {
  const index = columns.indexOf(column);
  if (index >= 0) return index;
  throw new InputError('MR_IMPORT_HEADER', `There is no column "${column}".`, {
    hint: `The columns are ${columns.slice(0, 30).join(', ')}; the mapping names each as it is written there.`,
  });
}

type ReadColumn<Row> = (row: Row) => unknown;

function fieldReader<V>(index: number): ReadColumn<readonly V[]> {
  return (row) => row[index];
}

function pathReader(path: string): ReadColumn<Readonly<Record<string, unknown>>> {
  const names = path.split('.');
  return (row) => {
    // A key may hold points itself.
    if (Object.hasOwn(row, path)) return row[path];
    let value: unknown = row;
    for (const name of names) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
      value = (value as Readonly<Record<string, unknown>>)[name];
    }
    return value;
  };
}

type Values = Readonly<Record<string, Value | undefined>>;

const givers: Readonly<Record<RowKind, (values: Values, sink: RowSink) => void>> = {
  events: (values, sink) => sink.event(eventFrom(values)),
  items: (values, sink) => sink.item(itemFrom(values)),
  users: (values, sink) => sink.user(userOf(said(values) as Pick<User, 'user_id'>)),
};

function rowReader<Row>(
  { rows, fields }: FileMapping,
  reading: (column: string) => ReadColumn<Row>,
): RowReader<Row> {
  const known: Readonly<Record<string, Field>> = rowKinds[rows];
  const give = givers[rows];
  const readers = Object.entries(fields).map(([name, mapping]) => {
    const read = valueReader(name, known[name] as Field, mapping);
    return { name, value: columnOrConstant(mapping, read, reading) };
  });
  return (row, sink) => {
    const values: Record<string, Value | undefined> = {};
    try {
      for (const { name, value } of readers) values[name] = value(row);
    } catch (error) {
      if (error instanceof ValueProblem) return error.message;
      throw error;
    }
    give(values, sink);
    return undefined;
  };
}

function columnOrConstant<Row>(
  mapping: FieldMapping,
  read: ReadValue,
  reading: (column: string) => ReadColumn<Row>,
): (row: Row) => Value | undefined {
  if ('constant' in mapping) return () => read(mapping.constant);
  const column = reading(mapping.column);
  return (row) => read(column(row));
}

function eventFrom({ device, country, language, ...values }: Values): Interaction {
  const context = {
    device: device ?? null,
    country: country ?? null,
    language: language ?? null,
  } as InteractionContext;
  const item_id = values.item_id ?? null;
  return eventOf({ ...values, item_id, context } as Parameters<typeof eventOf>[0]);
}

function itemFrom(values: Values): Item {
  const given = said(values) as Partial<Item> & Pick<Item, 'item_id'>;
  return itemOf({ title: `Item ${given.item_id}`, type: 'other', ...given });
}

/** Without what is absent, which has a default. */
function said(values: Values): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
