import { sortNumbers } from '#platform';
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
  /** Over the rows of part train: what a model may use to scale its inputs. */
  readonly train: NumberSummary;
  /** Over all rows. */
  readonly all: NumberSummary;
  readonly distribution: NumberDistribution;
};

/** Categories that are kept by name. */
const COMMONEST = 200;
/** Numbers that are held at once, 64 MiB: each query reads as many columns as that allows, for each costs a pass of its own. */
const HELD_NUMBERS = 2 ** 23;

/** Statistics of every column of the examples in a Parquet file. */
export async function statisticsOf(
  database: AnalyticDatabase,
  parquet: string,
  columns: readonly SnapshotColumn[],
): Promise<readonly ColumnStatistics[]> {
  const table = `read_parquet(${literal(parquet)})`;
  const counts = await countsOf(database, table, columns);
  const numbers = await numbersOf(database, table, columns, counts);
  const statistics: ColumnStatistics[] = [];
  for (const [i, column] of columns.entries()) {
    const { name, kind } = column;
    const { distinct, ...counted } = counts[i] as Counts;
    const common = { name, ...counted };
    if (kind === 'id') statistics.push({ ...common, kind, distinct });
    else if (kind === 'category') {
      const distribution = await categoriesOf(database, table, column, common.rows - common.missing);
      statistics.push({ ...common, kind, distinct, distribution });
    } else statistics.push({ ...common, kind, ...(numbers.get(name) as Numbers) });
  }
  return statistics;
}

type Numbers = Pick<NumberStatistics, 'train' | 'all' | 'distribution'>;
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

/** Statistics of the numeric columns, by name. */
async function numbersOf(
  database: AnalyticDatabase,
  table: string,
  columns: readonly SnapshotColumn[],
  counts: readonly Counts[],
): Promise<ReadonlyMap<string, Numbers>> {
  const counted = columns.map((column, i) => ({ column, ...(counts[i] as Counts) }));
  const numeric = counted.filter(({ column: { kind } }) => kind === 'number' || kind === 'list');
  const atOnce = Math.max(1, Math.floor(HELD_NUMBERS / Math.max(1, counts[0]?.rows ?? 0)));
  const found = new Map<string, Numbers>();
  for (let from = 0; from < numeric.length; from += atOnce) {
    const some = numeric.slice(from, from + atOnce);
    const read = some.map(({ rows, missing, notFinite }) => new TrainAndRest(rows - missing - notFinite));
    const values = some.map(({ column }) => `coalesce(${measured(column)}::DOUBLE, 'nan'::DOUBLE)`);
    const chunks = database.columns(`SELECT (split = 'train')::INTEGER, ${values.join(', ')} FROM ${table}`);
    for await (const [isTrain, ...of] of chunks)
      for (const [i, each] of of.entries()) read[i]?.add(each, isTrain as Int32Array);
    for (const [i, { column }] of some.entries()) {
      const { train, all } = (read[i] as TrainAndRest).sorted();
      found.set(column.name, {
        train: summaryOf(train),
        all: summaryOf(all),
        distribution: distributionOf(all),
      });
    }
  }
  return found;
}

/** The numbers of a column: those of part train from the front, the others from the back. */
class TrainAndRest {
  readonly #numbers: Float64Array<ArrayBuffer>;
  #trained = 0;
  #others: number;

  constructor(count: number) {
    this.#numbers = new Float64Array(count);
    this.#others = count;
  }

  /** Leaves out what is no number or infinite. */
  add(values: Int32Array | Float64Array, isTrain: Int32Array): void {
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      if (!Number.isFinite(value)) continue;
      this.#numbers[isTrain[i] === 1 ? this.#trained++ : --this.#others] = value;
    }
  }

  sorted(): { readonly train: Float64Array; readonly all: Float64Array } {
    const train = this.#numbers.subarray(0, this.#trained);
    const others = this.#numbers.subarray(this.#trained);
    sortNumbers(train);
    sortNumbers(others);
    return { train, all: merged(train, others) };
  }
}

async function categoriesOf(
  database: AnalyticDatabase,
  table: string,
  { name }: SnapshotColumn,
  count: number,
): Promise<CategoryDistribution> {
  const found = await database.rows<{ category: string; count: number }>(`
    SELECT "${name}"::VARCHAR AS category, count(*)::INTEGER AS count FROM ${table} WHERE "${name}" IS NOT NULL
    GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ${COMMONEST}`);
  return { count, categories: found.map((each) => [each.category, each.count] as const) };
}

/** Two sorted columns as one. */
function merged(a: Float64Array, b: Float64Array): Float64Array {
  const both = new Float64Array(a.length + b.length);
  let i = 0;
  let j = 0;
  for (let at = 0; at < both.length; at++) {
    const takesA = j >= b.length || (i < a.length && (a[i] as number) <= (b[j] as number));
    both[at] = (takesA ? a[i++] : b[j++]) as number;
  }
  return both;
}
