import type { ConfigOf, Parameters } from '../parameters.ts';
import type { RankingRows } from './dataset.ts';

/** The parameters of every ranker: what counts for more of what came of an item. */
export const kindWeightParameters = {
  completedWeight: {
    default: 1,
    range: 'above 0',
    about: 'What an item weighs that was completed; one that was clicked, and one that was left, weighs 1.',
  },
  likedWeight: {
    default: 1,
    range: 'above 0',
    about: 'What an item weighs that was liked or rated well.',
  },
  boughtWeight: {
    default: 1,
    range: 'above 0',
    about: 'What an item weighs that was bought, whatever else was done with it.',
  },
} as const satisfies Parameters;

export type KindWeights = ConfigOf<typeof kindWeightParameters>;

/** [rows]; undefined where all rows weigh the same. */
export function kindWeights(
  { grades, revenues }: Pick<RankingRows, 'grades' | 'revenues'>,
  { completedWeight, likedWeight, boughtWeight }: KindWeights,
): Float32Array | undefined {
  if (completedWeight === 1 && likedWeight === 1 && boughtWeight === 1) return undefined;
  const byGrade = [1, 1, completedWeight, likedWeight];
  return grades.map((grade, row) =>
    (revenues[row] as number) > 0 ? boughtWeight : (byGrade[grade] as number),
  );
}
