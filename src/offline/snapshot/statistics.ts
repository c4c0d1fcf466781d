import { type AnalyticDatabase, literal } from '../duckdb.ts';
import type { SnapshotColumn } from './columns.ts';
import {
  type CategoryDistribution,
  distributionOf,
  type NumberDistribution,
  type NumberSummary,
  summaryOf,
} from './distribution.ts';

/** What a snapshot's file `statistics.json` says of a column of the examples. Lists are described by their lengths. */
export type ColumnStatistics = CommonStatistics &
  (
    | NumberStatistics
    | { readonly kind: 'category'; readonly distinct: number; readonly distribution: CategoryDistribution }
    | { readonly kind: 'id'; readonly distinct: number }
  );

type CommonStatistics = {
  readonly name: string;
  readonly rows: number;
  /** Rows without a value. */
  readonly missing: number;
  /** Rows with a value that is no number or infinite: it is counted, and left out of all that follows. */
  readonly notFinite: number;
};

type NumberStatistics = {
  readonly kind: 'number' | 'list';
  /** Of the rows of part train: what a model may know when it scales its inputs. */
  readonly train: NumberSummary;
  /** Of all rows. */
  readonly all: NumberSummary;
  readonly distribution: NumberDistribution;
};

/** Categories that are kept by name. */
const commonest = 200;

/** Of every column of the examples in a Parquet file. */
export async function statisticsOf(
  database: AnalyticDatabase,
  parquet: string,
  columns: readonly SnapshotColumn[],
): Promise<readonly ColumnStatistics[]> {
  const table = `read_parquet(${literal(parquet)})`;
  const counts = await countsOf(database, table, columns);
  const statistics: ColumnStatistics[] = [];
  for (const [i, column] of columns.entries()) {
    const { name, kind } = column;
    const { distinct, ...counted } = counts[i] as Counts;
    const common = { name, ...counted };
    if (kind === 'id') statistics.push({ ...common, kind, distinct });
    else if (kind === 'category') {
      const distribution = await categoriesOf(database, table, column, common.rows - common.missing);
      statistics.push({ ...common, kind, distinct, distribution });
    } else {
      const count = common.rows - common.missing - common.notFinite;
      statistics.push({ ...common, kind, ...(await numbersOf(database, table, column, count)) });
    }
  }
  return statistics;
}

type Counts = Pick<ColumnStatistics, 'rows' | 'missing' | 'notFinite'> & { readonly distinct: number };

/** A list counts as its length. */
const measured = ({ name, kind }: SnapshotColumn) => (kind === 'list' ? `len("${name}")` : `"${name}"`);

async function countsOf(
  database: AnalyticDatabase,
  table: string,
  columns: readonly SnapshotColumn[],
): Promise<readonly Counts[]> {
  const counts = columns.flatMap((column, i) => {
    const isText = column.kind === 'id' || column.kind === 'category';
    return [
      `count("${column.name}")::INTEGER AS present${i}`,
      isText
        ? `count(DISTINCT "${column.name}")::INTEGER AS distinct${i}`
        : `count(*) FILTER (NOT isfinite(${measured(column)}::DOUBLE))::INTEGER AS wild${i}`,
    ];
  });
  const [counted = {}] = await database.rows<Record<string, number>>(
    `SELECT count(*)::INTEGER AS rows, ${counts.join(', ')} FROM ${table}`,
  );
  const of = (name: string) => counted[name] ?? 0;
  return columns.map((_, i) => {
    const missing = of('rows') - of(`present${i}`);
    return { rows: of('rows'), missing, notFinite: of(`wild${i}`), distinct: of(`distinct${i}`) };
  });
}

async function numbersOf(
  database: AnalyticDatabase,
  table: string,
  column: SnapshotColumn,
  count: number,
): Promise<Pick<NumberStatistics, 'train' | 'all' | 'distribution'>> {
  const train = new Float64Array(count);
  const rest = new Float64Array(count);
  let trained = 0;
  let others = 0;
  const chunks = database.columns(`
    SELECT v, is_train
    FROM (SELECT ${measured(column)}::DOUBLE AS v, (split = 'train')::INTEGER AS is_train FROM ${table})
    WHERE v IS NOT NULL AND isfinite(v)`);
  for await (const [numbers, flags] of chunks) {
    for (let i = 0; i < (numbers?.length ?? 0); i++) {
      if (flags?.[i] === 1) train[trained++] = numbers?.[i] as number;
      else rest[others++] = numbers?.[i] as number;
    }
  }
  const sortedTrain = train.subarray(0, trained).sort();
  const all = merged(sortedTrain, rest.subarray(0, others).sort());
  return { train: summaryOf(sortedTrain), all: summaryOf(all), distribution: distributionOf(all) };
}

async function categoriesOf(
  database: AnalyticDatabase,
  table: string,
  { name }: SnapshotColumn,
  count: number,
): Promise<CategoryDistribution> {
  const found = await database.rows<{ category: string; count: number }>(`
    SELECT "${name}"::VARCHAR AS category, count(*)::INTEGER AS count FROM ${table} WHERE "${name}" IS NOT NULL
    GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ${commonest}`);
  return { count, categories: found.map((each) => [each.category, each.count] as const) };
}

/** Two sorted columns as one. */
export function merged(a: Float64Array, b: Float64Array): Float64Array {
  const both = new Float64Array(a.length + b.length);
  let i = 0;
  let j = 0;
  for (let at = 0; at < both.length; at++) {
    const takesA = j >= b.length || (i < a.length && (a[i] as number) <= (b[j] as number));
    both[at] = (takesA ? a[i++] : b[j++]) as number;
  }
  return both;
}
