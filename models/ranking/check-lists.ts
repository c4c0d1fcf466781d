import { InputError } from '#platform';
import type { RankingRows } from './dataset.ts';

const MOST_GRADE = 3;

/** Refuses rows of which it is not said what came of them: a grade from 0 to 3, and an amount (MR_MODEL_DATA). */
export function checkLists({ grades, revenues }: Pick<RankingRows, 'grades' | 'revenues'>): void {
  refuse('grade', grades, (grade) => Number.isInteger(grade) && grade >= 0 && grade <= MOST_GRADE);
  refuse('revenue', revenues, (revenue) => revenue >= 0 && Number.isFinite(revenue));
}

function refuse(name: string, values: Float32Array, accepts: (value: number) => boolean): void {
  const row = values.findIndex((value) => !accepts(value));
  if (row < 0) return;
  throw new InputError('MR_MODEL_DATA', `training data: the ${name} of row ${row} is ${values[row]}`, {
    hint: `Grades are whole numbers from 0 to ${MOST_GRADE}, revenues finite and not negative.`,
  });
}
