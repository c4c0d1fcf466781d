/** Reads the files of an import row by row, block by block. */
import { createHash, hash } from 'node:crypto';
import { withParquetRows } from '#offline';
import { InputError, MillraceError } from '#platform';
import { bytesOf, unreadable } from './input/bytes.ts';
import { DelimitedRows } from './input/delimited.ts';
import type { InputFile } from './input/files.ts';
import { type LineBlock, linesOf } from './input/lines.ts';
import { parseJson, withDigits } from './json.ts';
import { RowStage } from './row-stage.ts';
import type { FileFormat, JsonObject, RowReader } from './source.ts';

/** A row that could not be read: counted, reported, and left out. */
export type MalformedRow = {
  readonly file: string;
  /** Counted from 1, the header line included; of Parquet the row. Where a row has several lines, the first. */
  readonly line: number;
  readonly text: string;
  readonly reason: string;
  /** Whether the text may name a user. */
  readonly namesUsers: boolean;
};

export type RowTaker = {
  /** What the rows of a block gave; valid until the promise is fulfilled. */
  take(stage: RowStage): Promise<void>;
  malformed(row: MalformedRow): void;
};

export type Reading = {
  /** Identifies the source and its mapping. */
  readonly identity: string;
  readonly taker: RowTaker;
  readonly onRead: (bytes: number) => void;
  readonly signal: AbortSignal;
};

/** A file with a larger share of malformed rows is taken for something else. */
const REFUSED_SHARE = 0.9;

/**
 * Returns a hash of the source, the mapping and all that was read. Errors: InputError MR_IMPORT_UNREADABLE,
 * MR_IMPORT_HEADER; MR_IMPORT_UNRECOGNISED when nine in ten rows of a file are malformed, or it has none.
 */
export async function readRows(files: readonly InputFile[], reading: Reading): Promise<string> {
  const bytesRead = createHash('sha256').update(reading.identity);
  const stage = new RowStage();
  const seen = new Map<string, number>();
  for (const file of files) {
    const nth = seen.get(file.as) ?? 0;
    seen.set(file.as, nth + 1);
    stage.beginFile(hash('sha256', `${reading.identity}/${file.as}/${nth}`).slice(0, 8));
    bytesRead.update(`\n${file.as}\n`);
    const read = new FileRows(file, reading, stage);
    const bytes = () => bytesOf(file, { ...reading, hash: bytesRead });
    try {
      await readFile(file, bytes, read, reading.signal);
    } catch (error) {
      if (error instanceof MillraceError && error.code === 'MR_IMPORT_HEADER') throw namingFile(file, error);
      throw error;
    }
    read.check();
  }
  stage.beginFile('end');
  for (const { reading: each } of files) each.finish?.(stage);
  stage.endRow(0, undefined);
  await reading.taker.take(stage);
  return bytesRead.digest('hex').slice(0, 32);
}

async function readFile(
  file: InputFile,
  bytes: () => AsyncIterable<Buffer>,
  rows: FileRows,
  signal: AbortSignal,
): Promise<void> {
  const { format } = file.reading;
  switch (format.rows) {
    case 'delimited':
      return readDelimited(format, bytes(), rows);
    case 'json':
      return readJson(format, bytes(), rows);
    case 'parquet':
      return readParquet(format, file, bytes(), rows, signal);
  }
}

/** Rows of one file on their way to the taker. */
class FileRows {
  readonly #file: InputFile;
  readonly #reading: Reading;
  readonly #stage: RowStage;
  #rows = 0;
  #bad = 0;
  #first: { readonly line: number; readonly reason: string } | undefined;

  constructor(file: InputFile, reading: Reading, stage: RowStage) {
    this.#file = file;
    this.#reading = reading;
    this.#stage = stage;
  }

  row<Row>(row: Row, read: RowReader<Row>, line: number, text: () => string): void {
    const reason = this.#stage.endRow(line, read(row, this.#stage));
    if (reason !== undefined) this.malformed(line, text(), reason);
    else this.#rows++;
  }

  malformed(line: number, text: string, reason: string): void {
    const { name: file, reading } = this.#file;
    this.#rows++;
    this.#bad++;
    this.#first ??= { line, reason };
    this.#reading.taker.malformed({ file, line, text, reason, namesUsers: reading.namesUsers });
  }

  /** After each block. */
  async handOver(): Promise<void> {
    await this.#reading.taker.take(this.#stage);
    this.#stage.clear();
  }

  check(): void {
    const { name } = this.#file;
    if (this.#rows === 0) throw notOfFormat(name, 'it has no rows');
    if (this.#first === undefined || this.#bad <= REFUSED_SHARE * this.#rows) return;
    const { line, reason } = this.#first;
    throw notOfFormat(
      name,
      `${this.#bad} of ${this.#rows} rows are malformed, the first in line ${line}: ${reason}`,
    );
  }
}

type Of<R extends FileFormat['rows']> = Extract<FileFormat, { readonly rows: R }>;

async function readDelimited(
  format: Of<'delimited'>,
  bytes: AsyncIterable<Buffer>,
  rows: FileRows,
): Promise<void> {
  let opened: ReturnType<typeof format.open> | undefined;
  const delimited = new DelimitedRows(format, {
    row: (fields, line, text) => {
      if (opened === undefined) {
        opened = format.open(fields);
        if (opened.isHeader) return;
      }
      rows.row(fields, opened.read, line, () => text);
    },
    malformed: (line, text, reason) => rows.malformed(line, text, reason),
    get width() {
      return opened?.width;
    },
  });
  for await (const block of linesOf(bytes, format)) {
    delimited.take(block);
    await rows.handOver();
  }
  delimited.end();
  await rows.handOver();
}

async function readJson(format: Of<'json'>, bytes: AsyncIterable<Buffer>, rows: FileRows): Promise<void> {
  const read = format.open();
  for await (const block of linesOf(bytes, { ...format, mayBeLatin1: false })) {
    readJsonLines(block, read, rows);
    await rows.handOver();
  }
}

function readJsonLines(
  { texts, first, broken }: LineBlock,
  read: RowReader<JsonObject>,
  rows: FileRows,
): void {
  for (const [i, text] of texts.entries()) {
    const line = first + i;
    const reason = broken.get(i);
    if (reason !== undefined) rows.malformed(line, text, reason);
    else if (text.trim() !== '') {
      const json = objectIn(text);
      if (typeof json === 'string') rows.malformed(line, text, json);
      else rows.row(json, read, line, () => text);
    }
  }
}

function objectIn(text: string): JsonObject | string {
  let json: unknown;
  try {
    json = parseJson(text);
  } catch {
    return 'the line is not JSON';
  }
  return typeof json === 'object' && json !== null && !Array.isArray(json)
    ? (json as JsonObject)
    : 'the line is not a JSON object';
}

async function readParquet(
  { open }: Of<'parquet'>,
  { name, path }: InputFile,
  bytes: AsyncIterable<Buffer>,
  rows: FileRows,
  signal: AbortSignal,
): Promise<void> {
  if (path === undefined)
    throw unreadable(name, new Error('Parquet is read from files alone, its end first'));
  for await (const _ of bytes) {
    // Only the hash takes them: DuckDB reads the file itself.
  }
  try {
    await withParquetRows(
      path,
      async (parquet) => {
        const { columns, read } = open(parquet.columns);
        let line = 0;
        for await (const chunk of parquet.rows(columns)) {
          for (const row of chunk) rows.row(row, read, ++line, () => shownRow(row));
          await rows.handOver();
        }
      },
      signal,
    );
  } catch (error) {
    if (error instanceof MillraceError || signal.aborted) throw error;
    throw unreadable(name, error);
  }
}

function shownRow(row: readonly unknown[]): string {
  return withDigits(row) ?? '';
}

function notOfFormat(name: string, found: string): InputError {
  return new InputError('MR_IMPORT_UNRECOGNISED', `${name} is not what its name says: ${found}.`, {
    hint: 'Nothing was published. Compare its rows with the format: "--dry-run" lists what is refused.',
  });
}

function namingFile({ name }: InputFile, { message, hint }: MillraceError): InputError {
  return new InputError('MR_IMPORT_HEADER', `${name}: ${message}`, hint === undefined ? {} : { hint });
}
