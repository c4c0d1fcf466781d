/** Folds for cross-validation, and for scores that no model has given to rows that it has learned from. */
import { ConfigurationError } from '#platform';
import type { Random } from '../random.ts';
import { unusableRows } from './training-rows.ts';

/** Rows, ascending. */
export type Fold = { readonly train: Int32Array; readonly validation: Int32Array };

/**
 * Folds of which each holds out other groups, whole ones, of about equally many rows: the groups come in random order,
 * each to the fold with the fewest rows. `groups` are starts, [groups + 1]. MR_MODEL_DATA for fewer groups than folds.
 */
export function foldsByGroup(groups: Int32Array, count: number, random: Random): readonly Fold[] {
  checkCount(count);
  const order = Int32Array.from({ length: groups.length - 1 }, (_, g) => g);
  if (order.length < count) {
    throw unusableRows(
      `${order.length} groups cannot fill ${count} folds`,
      'Give more groups, or make fewer folds.',
    );
  }
  random.shuffle(order);
  const sizes = new Float64Array(count);
  const foldOfGroup = new Int32Array(order.length);
  for (const group of order) {
    const fold = sizes.indexOf(Math.min(...sizes));
    foldOfGroup[group] = fold;
    sizes[fold] = (sizes[fold] as number) + (groups[group + 1] as number) - (groups[group] as number);
  }
  const foldOfRow = new Int32Array(groups.at(-1) ?? 0);
  foldOfGroup.forEach((fold, g) => {
    foldOfRow.fill(fold, groups[g], groups[g + 1]);
  });
  return Array.from({ length: count }, (_, fold) => ({
    train: rowsWhere(foldOfRow, (own) => own !== fold),
    validation: rowsWhere(foldOfRow, (own) => own === fold),
  }));
}

/**
 * Folds that only ever learn from the past: the rows in the order of `times`, [rows], are cut into `count` + 1 parts of
 * about equally many; fold f trains on the parts before the one that it holds out. Rows of one time, such as those of one
 * answer, stay in one part. MR_MODEL_DATA where there are fewer times than parts.
 */
export function foldsByTime(times: Float64Array, count: number): readonly Fold[] {
  checkCount(count);
  const wrong = times.findIndex((time) => !Number.isFinite(time));
  if (wrong >= 0) throw unusableRows(`the time of row ${wrong} is ${times[wrong]}`, 'Times are finite.');
  const sorted = times.slice().sort();
  const ends = [Number.NEGATIVE_INFINITY];
  for (let part = 1; part <= count; part++) {
    // The first time of the next part.
    const cut = sorted[Math.floor((part * sorted.length) / (count + 1))] ?? Number.NaN;
    const before = ends.at(-1) as number;
    const end =
      cut > before && cut > (sorted[0] ?? cut)
        ? cut
        : sorted.find((time) => time > Math.max(before, sorted[0] ?? time));
    if (end === undefined) {
      throw unusableRows(`the times of ${times.length} rows cannot fill ${count} folds`, 'Make fewer folds.');
    }
    ends.push(end);
  }
  return Array.from({ length: count }, (_, fold) => {
    const [start, end] = [ends[fold + 1] as number, ends[fold + 2] ?? Number.POSITIVE_INFINITY];
    return {
      train: rowsWhere(times, (time) => time < start),
      validation: rowsWhere(times, (time) => time >= start && time < end),
    };
  });
}

function rowsWhere(values: Int32Array | Float64Array, holds: (value: number) => boolean): Int32Array {
  const rows: number[] = [];
  values.forEach((value: number, row: number) => {
    if (holds(value)) rows.push(row);
  });
  return Int32Array.from(rows);
}

function checkCount(count: number): void {
  if (Number.isSafeInteger(count) && count >= 2) return;
  throw new ConfigurationError('MR_MODEL_CONFIG', `trees: the number of folds is ${count}`, {
    hint: 'It must be a whole number, at least 2.',
  });
}
