import { perUserLastShare } from '#models';
import { collectColumns } from './columns.ts';
import type { AnalyticDatabase } from './duckdb.ts';

/** Each user's last 20% of items, by the time when the user first took to them, are held out. */
export const splitProtocol = 'per-user-last-20%';
const heldOutShare = 0.2;

/**
 * Makes table `splits (event_id, user_id, split)` for table `examples`:
 *
 * - `train`: everything before the user's first held-out example;
 * - `test`: the held-out pairs of user and item, each by its first example;
 * - `repeat`: what comes after the first held-out example and is not the first of its pair. Answers don't show seen
 *   items again, so it is nothing to be found; and it lies in the future of the training rows, so it is none of them.
 */
export async function splitExamples(database: AnalyticDatabase): Promise<void> {
  await database.run(`
    CREATE TABLE numbered AS
    SELECT event_id, user_id, ts::DOUBLE AS ts,
      dense_rank() OVER (ORDER BY user_id)::INTEGER AS u,
      dense_rank() OVER (ORDER BY item_id)::INTEGER AS i,
      row_number() OVER (PARTITION BY user_id, item_id ORDER BY ts, event_id) = 1 AS is_first
    FROM examples`);
  const [user, item, timestamp] = await collectColumns(
    database,
    'SELECT u, i, ts FROM numbered WHERE is_first ORDER BY u, ts, i',
    [Int32Array, Int32Array, Float64Array],
  );
  const { heldOut } = perUserLastShare({ user, item, timestamp }, heldOutShare);
  await database.run('CREATE TABLE cuts (u INTEGER, ts DOUBLE, i INTEGER)');
  await database.append(
    'cuts',
    ['INTEGER', 'DOUBLE', 'INTEGER'],
    firstHeldOut(heldOut, user, item, timestamp),
  );
  await database.run(`
    CREATE TABLE splits AS
    SELECT event_id, user_id, CASE
      WHEN cuts.u IS NULL OR numbered.ts < cuts.ts OR (numbered.ts = cuts.ts AND numbered.i < cuts.i) THEN 'train'
      WHEN is_first THEN 'test'
      ELSE 'repeat' END AS split
    FROM numbered LEFT JOIN cuts ON numbered.u = cuts.u`);
}

/** The first held-out pair of each user: (user, time, item). */
function* firstHeldOut(
  heldOut: Int32Array,
  user: Int32Array,
  item: Int32Array,
  timestamp: Float64Array,
): Generator<readonly number[]> {
  const met = new Set<number>();
  for (const pair of heldOut) {
    const u = user[pair] as number;
    if (met.has(u)) continue;
    met.add(u);
    yield [u, timestamp[pair] as number, item[pair] as number];
  }
}
