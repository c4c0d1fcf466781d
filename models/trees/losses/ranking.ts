/** What losses that rank share: labels as gains, and NDCG of groups. */
import { type TrainingRows, unusableRows } from '../training-rows.ts';
import type { LossKind, Metric } from './loss.ts';

/** Its gain is the largest whole number of 32 bits. */
const MAX_LABEL = 31;
/** Rows that validation judges of each group. */
const VALIDATED_TOP = 10;

/** 2^label - 1. */
export const gainOf = (label: number): number => 2 ** label - 1;

/** What a gain at a place, counted from 0, is multiplied by. */
export const discountOf = (place: number): number => 1 / Math.log2(place + 2);

/** MR_MODEL_DATA unless rows are in groups, labels whole from 0 to 31, and some group has two labels to tell apart. */
export function checkRanked({ labels, groups }: TrainingRows): void {
  if (groups === undefined)
    throw unusableRows('there are no groups', 'A loss that ranks needs the starts of groups.');
  const wrong = labels.findIndex((label) => !(Number.isInteger(label) && label >= 0 && label <= MAX_LABEL));
  if (wrong >= 0) {
    throw unusableRows(
      `the label of row ${wrong} is ${labels[wrong]}`,
      `A loss that ranks takes whole numbers from 0 to ${MAX_LABEL}.`,
    );
  }
  const differ = (start: number, g: number) =>
    labels.subarray(start, groups[g + 1]).some((label) => label !== labels[start]);
  if (groups.subarray(0, -1).some(differ)) return;
  throw unusableRows(
    'no group has rows with different labels',
    'Give groups in which some rows are better than others.',
  );
}

/** The gain that the best order of the labels has in its first `top` places. */
export function idealGain(labels: Float32Array, top: number): number {
  const sorted = labels.slice().sort().reverse().subarray(0, top);
  return sorted.reduce((sum, label, place) => sum + gainOf(label) * discountOf(place), 0);
}

/** Rows start .. end - 1, best score first; of equal scores the one that comes first. */
export function ranked(scores: Float64Array, start: number, end: number): Int32Array {
  const order = Int32Array.from({ length: end - start }, (_, i) => start + i);
  return order.sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
}

/**
 * Mean NDCG over groups of their first `top` rows, with gains 2^label - 1: a group without a label above 0 counts as 1, equal
 * scores stand in the order of the rows.
 */
export function meanNdcg({ labels, groups = new Int32Array(1) }: TrainingRows, top: number): Metric {
  const ideal = Float64Array.from(groups.subarray(0, -1), (start, g) =>
    idealGain(labels.subarray(start, groups[g + 1]), top),
  );
  return (scores) => {
    let sum = 0;
    ideal.forEach((best, g) => {
      const places = ranked(scores, groups[g] as number, groups[g + 1] as number).subarray(0, top);
      const gain = places.reduce(
        (total, row, place) => total + gainOf(labels[row] as number) * discountOf(place),
        0,
      );
      sum += best === 0 ? 1 : gain / best;
    });
    return sum / ideal.length;
  };
}

export const ndcgMetric: LossKind['metric'] = {
  name: 'ndcg',
  open: (rows) => meanNdcg(rows, VALIDATED_TOP),
};
