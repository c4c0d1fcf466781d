import type { DuckDBBlobValue } from '@duckdb/node-api';
import { type AnyView, rowSchema } from '#features';
import { columnWriter } from '../column-writers.ts';
import type { AnalyticDatabase } from '../duckdb.ts';
import { duckDbApi, duckDbBindings } from '../duckdb-package.ts';
import { sqlName } from '../history/history-tables.ts';
import { recordType } from '../record-columns.ts';

/** What SQL needs of a view of either kind. */
export type QueriedView = Pick<AnyView, 'name' | 'entity' | 'columns' | 'empty' | 'decode' | 'finish'>;

/**
 * Makes `<view>_row(state, at)`: the finished row of a state at a time in ms, as a STRUCT, by the view's own `finish`. A
 * null state is that of a key without events.
 */
export function registerRowFunction(database: AnalyticDatabase, view: QueriedView): void {
  const type = recordType(rowSchema(view.columns, view.name, ''));
  const { BIGINT, BLOB, DuckDBDataChunk, DuckDBScalarFunction } = duckDbApi();
  const rowFunction = new DuckDBScalarFunction();
  rowFunction.setName(`${sqlName(view)}_row`);
  rowFunction.addParameter(BLOB);
  rowFunction.addParameter(BIGINT);
  rowFunction.setReturnType(type);
  // Otherwise DuckDB answers null for a null state by itself.
  rowFunction.setSpecialHandling();
  const rows = columnWriter(type);
  const rowOf = (bytes: DuckDBBlobValue | null, at: number) =>
    view.finish(bytes === null ? view.empty() : view.decode(Buffer.from(bytes.bytes)), at);
  duckDbBindings().scalar_function_set_function(rowFunction.scalar_function, (_, chunk, output) => {
    const input = new DuckDBDataChunk(chunk);
    const states = input.getColumnVector(0);
    const times = input.getColumnVector(1);
    try {
      for (let i = 0; i < input.rowCount; i++) {
        const at = times.getItem(i) as bigint | null;
        rows.put(i, at === null ? null : rowOf(states.getItem(i) as DuckDBBlobValue | null, Number(at)));
      }
      rows.flush(output, input.rowCount);
    } finally {
      // A state that cannot be decoded leaves the rows before it there.
      rows.clear();
    }
  });
  database.register(rowFunction);
}

/** Makes `pseudonym(user)`: how the log names a user, null for one that it does not know. */
export function registerPseudonym(
  database: AnalyticDatabase,
  pseudonymOf: (userId: string) => string | undefined,
): void {
  const { DuckDBScalarFunction, VARCHAR } = duckDbApi();
  database.register(
    DuckDBScalarFunction.create({
      name: 'pseudonym',
      parameterTypes: [VARCHAR],
      returnType: VARCHAR,
      mainFunction: (_, input, output) => {
        const ids = input.getColumnVector(0);
        for (let i = 0; i < input.rowCount; i++) {
          const id = ids.getItem(i) as string | null;
          output.setItem(i, id === null ? null : (pseudonymOf(id) ?? null));
        }
        output.flush();
      },
    }),
  );
}
