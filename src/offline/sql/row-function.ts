import { BIGINT, BLOB, type DuckDBBlobValue, DuckDBScalarFunction, VARCHAR } from '@duckdb/node-api';
import { type AnyView, rowSchema } from '#features';
import type { AnalyticDatabase } from '../duckdb.ts';
import { sqlName } from '../history/history-tables.ts';
import { recordType } from '../record-columns.ts';

/** What SQL needs of a view of either kind. */
export type QueriedView = Pick<AnyView, 'name' | 'entity' | 'columns' | 'empty' | 'decode' | 'finish'>;

/**
 * Makes `<view>_row(state, at)`: the finished row of a state at a time in ms, as a STRUCT, by the view's own `finish`. A
 * null state is that of a key without events.
 */
export function registerRowFunction(database: AnalyticDatabase, view: QueriedView): void {
  const row = recordType(rowSchema(view.columns, view.name, ''));
  database.register(
    DuckDBScalarFunction.create({
      name: `${sqlName(view)}_row`,
      parameterTypes: [BLOB, BIGINT],
      returnType: row.type,
      // Otherwise DuckDB answers null for a null state by itself.
      specialHandling: true,
      mainFunction: (_, input, output) => {
        const states = input.getColumnVector(0);
        const times = input.getColumnVector(1);
        for (let i = 0; i < input.rowCount; i++) {
          const at = times.getItem(i) as bigint | null;
          if (at === null) {
            output.setItem(i, null);
            continue;
          }
          const bytes = states.getItem(i) as DuckDBBlobValue | null;
          const state = bytes === null ? view.empty() : view.decode(Buffer.from(bytes.bytes));
          output.setItem(i, row.write(view.finish(state, Number(at))));
        }
        output.flush();
      },
    }),
  );
}

/** Makes `pseudonym(user)`: how the log names a user, null for one that it does not know. */
export function registerPseudonym(
  database: AnalyticDatabase,
  pseudonymOf: (userId: string) => string | undefined,
): void {
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
