import { unusableRows } from '../training-rows.ts';
import type { LossKind } from './loss.ts';

/** Half the squared difference between score and label. */
export const squared: LossKind = {
  check({ labels }) {
    const wrong = labels.findIndex((label) => !Number.isFinite(label));
    if (wrong < 0) return;
    throw unusableRows(
      `the label of row ${wrong} is ${labels[wrong]}`,
      'The squared loss takes finite labels.',
    );
  },

  open({ labels, weights }) {
    let [sum, total] = [0, 0];
    labels.forEach((label, row) => {
      const weight = weights?.[row] ?? 1;
      sum += weight * label;
      total += weight;
    });
    return {
      base: sum / total,
      derive(scores, derivatives) {
        let loss = 0;
        for (let row = 0; row < labels.length; row++) {
          const difference = (scores[row] as number) - (labels[row] as number);
          derivatives[2 * row] = difference;
          derivatives[2 * row + 1] = 1;
          loss += difference * difference;
        }
        return loss / (2 * labels.length);
      },
    };
  },

  metric: {
    name: 'negativeRmse',
    open:
      ({ labels, weights }) =>
      (scores) => {
        let [sum, total] = [0, 0];
        labels.forEach((label, row) => {
          const weight = weights?.[row] ?? 1;
          sum += weight * ((scores[row] as number) - label) ** 2;
          total += weight;
        });
        return -Math.sqrt(sum / total);
      },
  },
};
