/** Curves in plain characters. */

export type Point = { readonly x: number; readonly y: number };

const WIDTH = 60;
const HEIGHT = 10;

/** A curve in a frame: the values at its top and bottom, and where it begins and ends. Nothing of fewer than two points. */
export function drawCurve(title: string, points: readonly Point[]): string[] {
  if (points.length < 2) return [];
  const [low, high] = rangeOf(points.map(({ y }) => y));
  const [first, last] = rangeOf(points.map(({ x }) => x));
  const rows = Array.from({ length: HEIGHT }, () => Array.from({ length: WIDTH }, () => ' '));
  columnsOf(points, first, last).forEach((y, column) => {
    if (y === undefined) return;
    const row = high === low ? HEIGHT - 1 : Math.round(((high - y) / (high - low)) * (HEIGHT - 1));
    (rows[row] as string[])[column] = '*';
  });
  const labels = rows.map((_, row) => (row === 0 ? figure(high) : row === HEIGHT - 1 ? figure(low) : ''));
  const margin = Math.max(...labels.map((label) => label.length));
  const drawn = rows.map((row, i) => `${(labels[i] as string).padStart(margin)} |${row.join('').trimEnd()}`);
  const ends = `${figure(first)}${figure(last).padStart(WIDTH - figure(first).length)}`;
  const indent = ' '.repeat(margin + 2);
  return [title, ...drawn, `${' '.repeat(margin)} +${'-'.repeat(WIDTH)}`, `${indent}${ends}`];
}

/** The mean of the points of each column, and straight lines over columns without any. */
function columnsOf(points: readonly Point[], first: number, last: number): (number | undefined)[] {
  const sums = Array.from({ length: WIDTH }, () => ({ sum: 0, count: 0 }));
  for (const { x, y } of points) {
    const column = last === first ? 0 : Math.round(((x - first) / (last - first)) * (WIDTH - 1));
    const cell = sums[column] as { sum: number; count: number };
    cell.sum += y;
    cell.count++;
  }
  const means = sums.map(({ sum, count }) => (count === 0 ? undefined : sum / count));
  let before = -1;
  means.forEach((y, column) => {
    if (y === undefined) return;
    const from = means[before];
    for (let gap = before + 1; from !== undefined && gap < column; gap++) {
      means[gap] = from + ((y - from) * (gap - before)) / (column - before);
    }
    before = column;
  });
  return means;
}

function rangeOf(values: readonly number[]): readonly [number, number] {
  return [Math.min(...values), Math.max(...values)];
}

const figure = (value: number) => String(Number(value.toPrecision(4)));
