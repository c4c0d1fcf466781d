import { type TrainingRows, unusableRows } from '../training-rows.ts';
import type { LossKind } from './loss.ts';

/** Factors of 1 to 2 that are multiplied before one logarithm is taken of all of them. */
const FACTORS = 512;

/** Cross entropy of labels 0 and 1; a score is a log-odds. */
export const logistic: LossKind = {
  check({ labels, weights }) {
    const wrong = labels.findIndex((label) => label !== 0 && label !== 1);
    if (wrong >= 0) {
      throw unusableRows(
        `the label of row ${wrong} is ${labels[wrong]}`,
        'The logistic loss takes labels 0 and 1.',
      );
    }
    const share = positiveShare(labels, weights);
    if (share > 0 && share < 1) return;
    throw unusableRows(
      'all rows are of one class',
      'The logistic loss needs rows of weight above 0 with labels 0 and 1.',
    );
  },

  open({ labels, weights }) {
    const share = positiveShare(labels, weights);
    return {
      base: Math.log(share / (1 - share)),
      derive(scores, derivatives) {
        let [loss, product, factors] = [0, 1, 0];
        for (let row = 0; row < labels.length; row++) {
          const label = labels[row] as number;
          const score = scores[row] as number;
          const small = Math.exp(-Math.abs(score));
          const likely = 1 / (1 + small);
          const chance = score >= 0 ? likely : small * likely;
          derivatives[2 * row] = chance - label;
          derivatives[2 * row + 1] = chance * (1 - chance);
          // log(1 + e^score) - label score, its logarithm taken of many factors at once.
          loss += Math.max(score, 0) - label * score;
          product *= 1 + small;
          if (++factors === FACTORS) {
            loss += Math.log(product);
            [product, factors] = [1, 0];
          }
        }
        return (loss + Math.log(product)) / labels.length;
      },
    };
  },

  metric: {
    name: 'negativeLogLoss',
    open:
      ({ labels, weights }) =>
      (scores) => {
        let [loss, total] = [0, 0];
        labels.forEach((label, row) => {
          const weight = weights?.[row] ?? 1;
          const margin = label === 1 ? (scores[row] as number) : -(scores[row] as number);
          loss += weight * (Math.max(-margin, 0) + Math.log1p(Math.exp(-Math.abs(margin))));
          total += weight;
        });
        return -loss / total;
      },
  },
};

function positiveShare(labels: Float32Array, weights: TrainingRows['weights']): number {
  if (weights === undefined) return labels.reduce((sum, label) => sum + label, 0) / labels.length;
  let [positive, total] = [0, 0];
  labels.forEach((label, row) => {
    positive += label * (weights[row] as number);
    total += weights[row] as number;
  });
  return positive / total;
}
