import type { VersionContents } from '../../artifact/port.ts';
import type { ColumnImportance, RetrievalModel } from '../../model.ts';
import type { RankingRows } from '../../ranking/dataset.ts';
import { rankingRowsAt } from '../../ranking-networks/chosen-rows.ts';
import { forEachJudgedList, listMetrics } from '../../ranking-networks/list-metrics.ts';
import { gainImportance, permutationImportance } from '../importance.ts';
import { readTrees } from '../storage.ts';
import { scoresOfRows, wideRows } from './base-scores.ts';
import { checkColumns, readDescription, readFile, TREES_FILE } from './files.ts';
import { withBase } from './ranker.ts';

/** Rows of judged lists that columns are permuted in, at most: each column is scored over them `REPEATS` times. */
const MOST_ROWS = 5_000;
const REPEATS = 3;
const SEED = 1;

/** Columns that trees split by; those whose values the order of the lists needs most come first. */
export async function columnImportance(
  files: VersionContents,
  rows: RankingRows,
  bases: readonly RetrievalModel[],
): Promise<readonly ColumnImportance[]> {
  const ensemble = readTrees(readFile(files, TREES_FILE));
  checkColumns(readDescription(files), bases, ensemble.columns);
  const judged = someJudged(rows);
  const scores: Float32Array[] = [];
  for (const base of bases)
    scores.push(await withBase(files, base, (scorer) => scoresOfRows(scorer, judged)));
  // The position is the last column: all are scored as if they were shown first.
  const values = wideRows(judged, [...scores, new Float32Array(judged.rows)]);
  const metric = (predicted: Float64Array) => listMetrics(judged, predicted)['ndcg@10'] ?? 0;
  const options = { metric, seed: SEED, repeats: REPEATS };
  const lost = permutationImportance(ensemble, { values, rows: judged.rows }, options);
  const gain = gainImportance(ensemble);
  const whole = gain.reduce((sum, each) => sum + each, 0);
  return ensemble.columns
    .map(({ name }, at) => ({
      name,
      gain: (gain[at] as number) / Math.max(whole, Number.MIN_VALUE),
      lost: lost[at] as number,
    }))
    .filter(({ gain: share }) => share > 0)
    .sort((a, b) => b.lost - a.lost || b.gain - a.gain);
}

/** Whole lists that can be ranked wrongly, spread over all of them. */
function someJudged(rows: RankingRows): RankingRows {
  const lists: (readonly [number, number])[] = [];
  let count = 0;
  forEachJudgedList(rows, (from, to) => {
    lists.push([from, to]);
    count += to - from;
  });
  const every = Math.max(1, Math.ceil(count / MOST_ROWS));
  const chosen = lists.filter((_, nth) => nth % every === 0);
  return rankingRowsAt(
    rows,
    Int32Array.from(chosen.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i))),
  );
}
