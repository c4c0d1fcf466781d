import { InputError } from '#platform';
import type { FeatureRows } from './ensemble.ts';

export type TrainingRows = FeatureRows & {
  /** [rows]. */
  readonly labels: Float32Array;
  /** [rows], not negative; 1 each where there are none. */
  readonly weights?: Float32Array;
  /** [groups + 1]: group g holds the rows groups[g] .. groups[g + 1] - 1. For losses that rank. */
  readonly groups?: Int32Array;
};

export function unusableRows(message: string, hint: string): InputError {
  return new InputError('MR_MODEL_DATA', `trees: ${message}`, { hint });
}

/** MR_MODEL_DATA for rows that no loss can learn from. */
export function checkRows(data: TrainingRows): void {
  const { columns, rows, values, labels, weights, groups } = data;
  if (rows === 0 || columns.length === 0) {
    throw unusableRows(
      `${rows} rows of ${columns.length} columns`,
      'Train on at least one row and one column.',
    );
  }
  checkLength('values', values.length, rows * columns.length);
  checkLength('labels', labels.length, rows);
  if (weights !== undefined) checkWeights(weights, rows);
  const twice = columns.find(({ name }, i) => columns.findIndex((other) => other.name === name) !== i);
  if (twice !== undefined) throw unusableRows(`two columns are named ${twice.name}`, 'Rename one of them.');
  checkValues(data);
  if (groups !== undefined) checkGroups(groups, rows);
}

function checkLength(name: string, found: number, expected: number): void {
  if (found === expected) return;
  throw unusableRows(`${name} holds ${found} numbers, not ${expected}`, 'Give one for each row and column.');
}

function checkWeights(weights: Float32Array, rows: number): void {
  checkLength('weights', weights.length, rows);
  const wrong = weights.findIndex((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY));
  if (wrong >= 0) {
    throw unusableRows(
      `the weight of row ${wrong} is ${weights[wrong]}`,
      'Weights are finite and not negative.',
    );
  }
  if (weights.every((weight) => weight === 0)) {
    throw unusableRows('all weights are 0', 'Give at least one row a weight above 0.');
  }
}

/** Missing values are NaN; infinite ones have no place among thresholds, and categories count from 0. */
function checkValues({ columns, rows, values }: FeatureRows): void {
  const counts = columns.map(({ categories }) => categories?.length);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns.length; column++, at++) {
      const value = values[at] as number;
      const count = counts[column];
      const isWrong =
        count === undefined
          ? Math.abs(value) === Number.POSITIVE_INFINITY
          : !Number.isNaN(value) && !(value >= 0 && value < count && Number.isInteger(value));
      if (!isWrong) continue;
      throw unusableRows(
        `column ${columns[column]?.name} is ${value} in row ${row}`,
        count === undefined
          ? 'Values are finite, or NaN where there is none.'
          : `Categories count from 0 to ${count - 1}; NaN stands for any other.`,
      );
    }
  }
}

function checkGroups(groups: Int32Array, rows: number): void {
  const isOrdered = groups.every((start, i) => i === 0 || start > (groups[i - 1] as number));
  if (groups.length >= 2 && isOrdered && groups[0] === 0 && groups.at(-1) === rows) return;
  throw unusableRows(
    'the starts of groups do not cover the rows',
    `They ascend from 0 to ${rows}, one row a group at least.`,
  );
}

/** The rows at `chosen`, ascending; groups keep together what is left of them. */
export function rowsAt(data: TrainingRows, chosen: Int32Array): TrainingRows {
  const { columns, values, labels, weights, groups } = data;
  const width = columns.length;
  const kept = new Float32Array(chosen.length * width);
  chosen.forEach((row, i) => {
    kept.set(values.subarray(row * width, (row + 1) * width), i * width);
  });
  const pick = (from: Float32Array) => Float32Array.from(chosen, (row) => from[row] as number);
  return {
    columns,
    rows: chosen.length,
    values: kept,
    labels: pick(labels),
    ...(weights && { weights: pick(weights) }),
    ...(groups && { groups: groupsAt(groups, chosen) }),
  };
}

function groupsAt(groups: Int32Array, chosen: Int32Array): Int32Array {
  const starts: number[] = [];
  let group = -1;
  chosen.forEach((row, i) => {
    const before = group;
    while (group + 2 < groups.length && row >= (groups[group + 1] as number)) group++;
    if (group !== before) starts.push(i);
  });
  return Int32Array.from([...starts, chosen.length]);
}
