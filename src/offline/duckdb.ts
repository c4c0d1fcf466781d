import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import {
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBResult,
  type DuckDBScalarFunction,
  type DuckDBType,
  type DuckDBValue,
  type JS,
  JSDuckDBValueConverter,
  type StatementType,
} from '@duckdb/node-api';
import { FatalError } from '#platform';

/** What DuckDB may hold in memory before it writes to its directory. */
const memoryLimit = '1GB';

/** Rows that are written at once: few, so that whoever else is on the thread waits some milliseconds at most. */
const appendedRows = 256;

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
  const instance = await DuckDBInstance.create(join(directory, 'work.duckdb'), {
    threads: '1',
    memory_limit: memoryLimit,
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

export type QueryResult = {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** A chunk at a time. */
  readonly rows: AsyncGenerator<JS[][]>;
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

  /** A query that runs while its rows are looked at, which come as plain values. */
  async result(sql: string): Promise<QueryResult> {
    const result = await this.#connection.stream(sql);
    const types = result.columnTypes();
    const columns = result.columnNames().map((name, i) => ({ name, type: String(types[i]) }));
    return { columns, rows: plainRows(result) };
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

  /** Runs a COPY and gives the number of rows that it wrote. */
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

  /** The columns (INTEGER or DOUBLE, never null) of each chunk; they are valid until the next one is asked for. */
  async *columns(sql: string): AsyncGenerator<readonly NumberColumn[]> {
    const result = await this.#connection.stream(sql);
    for (let chunk = await result.fetchChunk(); chunk !== null; chunk = await result.fetchChunk()) {
      if (chunk.rowCount === 0) break;
      yield numbersOf(chunk);
    }
    // A result that is cut short by an interruption ends like any other.
    this.#signal?.throwIfAborted();
  }

  /** The rows of a query as DuckDB's own values, a chunk of at most 2,048 at a time. */
  async *valueRows(sql: string): AsyncGenerator<DuckDBValue[][]> {
    const result = await this.#connection.stream(sql);
    for (let chunk = await result.fetchChunk(); chunk !== null; chunk = await result.fetchChunk()) {
      if (chunk.rowCount === 0) break;
      yield chunk.getRows();
    }
    this.#signal?.throwIfAborted();
  }

  /** As valueRows, all at once: other statements may run while they are looked at. */
  async allValueRows(sql: string): Promise<DuckDBValue[][]> {
    return (await this.#connection.runAndReadAll(sql)).getRows();
  }

  /** Adds rows to a temporary table whose columns have these types; `columns` gives the values of rows from `start` to `end`. */
  async appendColumns(
    table: string,
    types: readonly DuckDBType[],
    rows: number,
    columns: (start: number, end: number) => DuckDBValue[][],
  ): Promise<void> {
    const appender = await this.#connection.createAppender(table, null, 'temp');
    for (let start = 0; start < rows; start += appendedRows) {
      const end = Math.min(rows, start + appendedRows);
      const chunk = DuckDBDataChunk.create(types, end - start);
      chunk.setColumns(columns(start, end));
      appender.appendDataChunk(chunk);
      // Whoever else is on the thread gets on between the chunks.
      await setImmediate();
    }
    appender.closeSync();
  }

  /** Adds rows of numbers to a table of INTEGER and DOUBLE columns, which `types` names. */
  async append(
    table: string,
    types: readonly ('INTEGER' | 'DOUBLE')[],
    rows: Iterable<readonly number[]>,
  ): Promise<void> {
    const appender = await this.#connection.createAppender(table);
    for (const row of rows) {
      types.forEach((type, column) => {
        const value = row[column] as number;
        if (type === 'INTEGER') appender.appendInteger(value);
        else appender.appendDouble(value);
      });
      appender.endRow();
    }
    appender.closeSync();
  }
}

async function* plainRows(result: DuckDBResult): AsyncGenerator<JS[][]> {
  for (let chunk = await result.fetchChunk(); chunk !== null; chunk = await result.fetchChunk()) {
    if (chunk.rowCount === 0) return;
    yield chunk.convertRows(JSDuckDBValueConverter);
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
