import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type {
  DuckDBAppender,
  DuckDBConnection,
  DuckDBDataChunk,
  DuckDBResult,
  DuckDBScalarFunction,
  DuckDBType,
  DuckDBValue,
  DuckDBValueConverter,
  JS,
  StatementType,
} from '@duckdb/node-api';
import { FatalError, invariant } from '#platform';
import { CHUNK_ROWS, type ColumnWriter, columnWriter } from './column-writers.ts';
import { duckDbApi, duckDbBindings } from './duckdb-package.ts';

/** What DuckDB may hold in memory before it writes to its directory, in MB: an eighth of what there is, but 1 GB at least. */
const memoryLimitMb = Math.max(1_000, Math.floor(Math.min(totalmem(), process.constrainedMemory()) / 8e6));

/** Rows that are taken at once: few, so that whoever else is on the thread waits some milliseconds at most. */
const APPENDED_ROWS = 256;

/** A typed column of a result, one chunk of it. */
type NumberColumn = Int32Array | Float64Array;

/**
 * A DuckDB database that lives in `directory` while `work` runs: tables may be larger than the memory. One thread and
 * kept order make equal inputs give equal files; nothing is fetched from the network. `signal` ends the statement that
 * runs and refuses those after it; what fails then rejects with the signal's reason.
 */
export async function withDuckDb<T>(
  directory: string,
  work: (database: AnalyticDatabase) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  await mkdir(directory, { recursive: true });
  invariant(
    duckDbBindings().vector_size() === CHUNK_ROWS,
    'chunks have as many rows as the vectors of DuckDB',
  );
  const instance = await duckDbApi().DuckDBInstance.create(join(directory, 'work.duckdb'), {
    threads: '1',
    memory_limit: `${memoryLimitMb}MB`,
    temp_directory: join(directory, 'spilled'),
    preserve_insertion_order: 'true',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  try {
    const connection = await instance.connect();
    const interrupt = () => connection.interrupt();
    signal?.addEventListener('abort', interrupt);
    try {
      return await work(new AnalyticDatabase(connection, signal));
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', interrupt);
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

/** The same in a directory of its own, which goes with it. */
export async function withScratchDuckDb<T>(
  work: (database: AnalyticDatabase) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-duckdb-'));
  try {
    return await withDuckDb(directory, work, signal);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

export type QueryResult<Value> = {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** A chunk of at most 2,048 at a time. */
  readonly rows: AsyncGenerator<(Value | null)[][]>;
};

export class AnalyticDatabase {
  readonly #opened: DuckDBConnection;
  readonly #signal: AbortSignal | undefined;

  constructor(connection: DuckDBConnection, signal?: AbortSignal) {
    this.#opened = connection;
    this.#signal = signal;
  }

  /** For one statement: an interruption ends only the one that runs. */
  get #connection(): DuckDBConnection {
    this.#signal?.throwIfAborted();
    return this.#opened;
  }

  async run(sql: string): Promise<void> {
    await this.#connection.run(sql);
  }

  /** A query that runs while its rows are looked at, with its values as `convert` has them. */
  async result<Value>(sql: string, convert: DuckDBValueConverter<Value>): Promise<QueryResult<Value>> {
    const result = await this.#connection.stream(sql);
    const types = result.columnTypes();
    const columns = result.columnNames().map((name, i) => ({ name, type: String(types[i]) }));
    const rows = this.#chunks(result, (chunk) => chunk.convertRows(convert));
    return { columns, rows };
  }

  /** The kind of each statement of a text. Errors: those of DuckDB. */
  async statementTypes(sql: string): Promise<readonly StatementType[]> {
    const extracted = await this.#connection.extractStatements(sql);
    const types: StatementType[] = [];
    for (let i = 0; i < extracted.count; i++) {
      const statement = await extracted.prepare(i);
      types.push(statement.statementType);
      statement.destroySync();
    }
    return types;
  }

  register(scalarFunction: DuckDBScalarFunction): void {
    this.#connection.registerScalarFunction(scalarFunction);
  }

  /** Runs a COPY and returns the number of rows that it wrote. */
  async copy(sql: string): Promise<number> {
    return Number((await this.#connection.run(sql)).rowsChanged);
  }

  /** The rows as plain values; for results of modest size. */
  async rows<Row extends Readonly<Record<string, JS>>>(
    sql: string,
    parameters: Readonly<Record<string, string | number>> = {},
  ): Promise<Row[]> {
    const reader = await this.#connection.runAndReadAll(sql, parameters);
    return reader.getRowObjectsJS() as Row[];
  }

  /** The one number, which fits a double, that a SELECT of one row comes to; 0 for null. */
  async number(sql: string): Promise<number> {
    const [[value] = []] = await this.allValueRows(sql);
    return Number(value ?? 0);
  }

  /** The columns (INTEGER or DOUBLE, never null) of each chunk; they are valid until the next one is requested. */
  async *columns(sql: string): AsyncGenerator<readonly NumberColumn[]> {
    yield* this.#chunks(await this.#connection.stream(sql), numbersOf);
  }

  /** The rows of a query as DuckDB's own values, a chunk of at most 2,048 at a time. */
  async *valueRows(sql: string): AsyncGenerator<DuckDBValue[][]> {
    yield* this.#chunks(await this.#connection.stream(sql), (chunk) => chunk.getRows());
  }

  async *#chunks<T>(result: DuckDBResult, read: (chunk: DuckDBDataChunk) => T): AsyncGenerator<T> {
    for (let chunk = await result.fetchChunk(); chunk !== null; chunk = await result.fetchChunk()) {
      if (chunk.rowCount === 0) break;
      yield read(chunk);
    }
    // A result that is cut short by an interruption ends like any other.
    this.#signal?.throwIfAborted();
  }

  /** As valueRows, all at once: other statements may run while they are looked at. */
  async allValueRows(sql: string): Promise<DuckDBValue[][]> {
    return (await this.#connection.runAndReadAll(sql)).getRows();
  }

  /** What adds rows to a temporary table; one at a time. */
  async appender<Row>(table: string, filling: Filling<Row>): Promise<TableAppender<Row>> {
    const appender = await this.#connection.createAppender(table, null, 'temp');
    return new TableAppender(this, appender, filling);
  }

  /** Adds rows to a temporary table of these columns. */
  async appendRows<Row>(table: string, columns: readonly Column<Row>[], rows: readonly Row[]): Promise<void> {
    const appender = await this.appender(table, columnByColumn(columns));
    await appender.add(rows);
    await appender.close();
  }
}

/** A column of a table, and where a row has its value. */
export type Column<Row> = {
  readonly type: DuckDBType;
  readonly of: (row: Row) => unknown;
};

/** How rows come into the columns of a table. */
export type Filling<Row> = {
  readonly types: readonly DuckDBType[];
  /** Returns what puts a row there. */
  into(writers: readonly ColumnWriter[]): (row: Row, at: number) => void;
  /** What is put there in place of a row that `into` threw an error for; undefined leaves it out. */
  instead?(row: Row, error: unknown): Row | undefined;
};

/** Fills from rows that have a value for each column. */
export function columnByColumn<Row>(columns: readonly Column<Row>[]): Filling<Row> {
  return {
    types: columns.map(({ type }) => type),
    into: (writers) => {
      const placed = columns.map(({ of }, i) => ({ of, writer: writers[i] as ColumnWriter }));
      return (row, at) => {
        for (const { of, writer } of placed) writer.put(at, of(row));
      };
    },
  };
}

/** Adds rows to a table. What was added is there after `close`. */
export class TableAppender<Row> {
  readonly #database: AnalyticDatabase;
  readonly #appender: DuckDBAppender;
  readonly #filling: Filling<Row>;
  readonly #writers: readonly ColumnWriter[];
  readonly #put: (row: Row, at: number) => void;
  /** The one for all rows: what DuckDB has allocated for it serves them all. */
  readonly #chunk: DuckDBDataChunk;
  /** Rows that wait in the writers. */
  #rows = 0;
  #isTransaction = false;

  constructor(database: AnalyticDatabase, appender: DuckDBAppender, filling: Filling<Row>) {
    this.#database = database;
    this.#appender = appender;
    this.#filling = filling;
    this.#writers = filling.types.map(columnWriter);
    this.#put = filling.into(this.#writers);
    this.#chunk = duckDbApi().DuckDBDataChunk.create(filling.types);
  }

  async add(rows: readonly Row[]): Promise<void> {
    for (let from = 0; from < rows.length; ) {
      if (this.#rows === CHUNK_ROWS) await this.#flushOneOfMany();
      const to = Math.min(rows.length, from + APPENDED_ROWS, from + CHUNK_ROWS - this.#rows);
      for (; from < to; from++) {
        const row = rows[from] as Row;
        try {
          this.#put(row, this.#rows);
          this.#rows++;
        } catch (error) {
          await this.#putInstead(row, error);
        }
      }
      // Whoever else is on the thread gets on in between.
      await setImmediate();
    }
  }

  async close(): Promise<void> {
    if (this.#rows > 0) this.#flush();
    this.#appender.closeSync();
    if (this.#isTransaction) await this.#database.run('COMMIT');
  }

  async #putInstead(row: Row, error: unknown): Promise<void> {
    if (this.#filling.instead === undefined) throw error;
    const other = this.#filling.instead(row, error);
    // Some writers have values of the row: those before it leave them behind.
    await this.#flushOneOfMany();
    if (other !== undefined) this.#put(other, this.#rows++);
  }

  /** Chunks of one transaction: one of its own would copy each of them once more. */
  async #flushOneOfMany(): Promise<void> {
    if (!this.#isTransaction) await this.#database.run('BEGIN');
    this.#isTransaction = true;
    this.#flush();
  }

  #flush(): void {
    const { chunk } = this.#chunk;
    this.#chunk.rowCount = this.#rows;
    for (const [i, writer] of this.#writers.entries()) {
      writer.flush(duckDbBindings().data_chunk_get_vector(chunk, i), this.#rows);
      writer.clear();
    }
    this.#appender.appendDataChunk(this.#chunk);
    this.#appender.flushSync();
    this.#chunk.reset();
    this.#rows = 0;
  }
}

function numbersOf(chunk: DuckDBDataChunk): NumberColumn[] {
  return Array.from({ length: chunk.columnCount }, (_, column) => {
    const vector = chunk.getColumnVector(column);
    const items = 'items' in vector ? vector.items : undefined;
    if (items instanceof Int32Array || items instanceof Float64Array) return items;
    throw new FatalError('MR_SNAPSHOT_CORRUPT', `Column ${column} of a snapshot's file is ${vector.type}.`, {
      hint: 'Take a new snapshot.',
    });
  });
}

/** A path, or any text, as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

type TypedColumn = Int32Array | Float64Array | Float32Array;
type ColumnType = typeof Int32Array | typeof Float64Array | typeof Float32Array;
type Collected<T extends readonly ColumnType[]> = { -readonly [I in keyof T]: InstanceType<T[I]> };

/** All rows of a query of numbers, a typed array a column. */
export async function collectColumns<const T extends readonly ColumnType[]>(
  database: AnalyticDatabase,
  sql: string,
  types: T,
): Promise<Collected<T>> {
  const columns: TypedColumn[] = types.map((Type) => new Type(1024));
  let count = 0;
  for await (const chunk of database.columns(sql)) {
    const rows = chunk[0]?.length ?? 0;
    types.forEach((Type, i) => {
      let column = columns[i] as TypedColumn;
      if (count + rows > column.length) {
        const grown = new Type(Math.max(2 * column.length, count + rows));
        grown.set(column);
        columns[i] = column = grown;
      }
      column.set(chunk[i] as TypedColumn, count);
    });
    count += rows;
  }
  return columns.map((column) => column.slice(0, count)) as Collected<T>;
}
