import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, type DuckDBDataChunk, DuckDBInstance, type JS } from '@duckdb/node-api';
import { FatalError } from '#platform';

/** What DuckDB may hold in memory before it writes to its directory. */
const memoryLimit = '1GB';

/** A typed column of a result, one chunk of it. */
type NumberColumn = Int32Array | Float64Array;

/**
 * A DuckDB database that lives in `directory` while `work` runs: tables may be larger than the memory. One thread and
 * kept order make equal inputs give equal files; nothing is fetched from the network.
 */
export async function withDuckDb<T>(
  directory: string,
  work: (database: AnalyticDatabase) => Promise<T>,
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
    try {
      return await work(new AnalyticDatabase(connection));
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

export class AnalyticDatabase {
  readonly #connection: DuckDBConnection;

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  async run(sql: string): Promise<void> {
    await this.#connection.run(sql);
  }

  /** The rows as plain values; for results of modest size. */
  async rows<Row extends Readonly<Record<string, JS>>>(sql: string): Promise<Row[]> {
    const reader = await this.#connection.runAndReadAll(sql);
    return reader.getRowObjectsJS() as Row[];
  }

  /** The columns (INTEGER or DOUBLE, never null) of each chunk; they are valid until the next one is asked for. */
  async *columns(sql: string): AsyncGenerator<readonly NumberColumn[]> {
    const result = await this.#connection.stream(sql);
    for (let chunk = await result.fetchChunk(); chunk !== null; chunk = await result.fetchChunk()) {
      if (chunk.rowCount === 0) return;
      yield numbersOf(chunk);
    }
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
