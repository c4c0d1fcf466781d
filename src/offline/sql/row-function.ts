import {
  BIGINT,
  BLOB,
  DOUBLE,
  type DuckDBBlobValue,
  DuckDBScalarFunction,
  type DuckDBType,
  type DuckDBValue,
  LIST,
  listValue,
  STRUCT,
  structValue,
  VARCHAR,
} from '@duckdb/node-api';
import type { AnyView, FeatureColumn, FeatureKind } from '#features';
import type { AnalyticDatabase } from '../duckdb.ts';
import { sqlName } from '../history/history-tables.ts';

type Feature = { readonly type: DuckDBType; write(value: unknown): DuckDBValue };

const long = { type: BIGINT, write: (value: unknown) => BigInt(value as number) };
const double = { type: DOUBLE, write: (value: unknown) => value as number };
const text = { type: VARCHAR, write: (value: unknown) => value as string };
const list = ({ type, write }: Feature): Feature => ({
  type: LIST(type),
  write: (values) => listValue((values as readonly unknown[]).map(write)),
});

const features: Readonly<Record<FeatureKind, Feature>> = {
  long,
  double,
  'long?': long,
  'double?': double,
  'string?': text,
  'string[]': list(text),
  'long[]': list(long),
  'double[]': list(double),
};

/**
 * Makes `<view>_row(state, at)`: the finished row of a state at a time in ms, as a STRUCT, by the view's own `finish`. A
 * null state is that of a key without events.
 */
export function registerRowFunction(database: AnalyticDatabase, view: AnyView): void {
  const { columns } = view;
  const types = columns.map(({ kind }) => features[kind].type);
  database.register(
    DuckDBScalarFunction.create({
      name: `${sqlName(view)}_row`,
      parameterTypes: [BLOB, BIGINT],
      returnType: STRUCT(Object.fromEntries(columns.map(({ name }, i) => [name, types[i] as DuckDBType]))),
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
          output.setItem(i, structOf(columns, view.finish(state, Number(at))));
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

function structOf(columns: readonly FeatureColumn[], row: Readonly<Record<string, unknown>>): DuckDBValue {
  const entries: Record<string, DuckDBValue> = {};
  for (const { name, kind } of columns) {
    const value = row[name];
    entries[name] = value === null || value === undefined ? null : features[kind].write(value);
  }
  return structValue(entries);
}
