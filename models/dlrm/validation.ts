import { areaUnderCurve, logLoss } from '../evaluation/classification.ts';
import type { TrainingMetrics } from '../training.ts';
import { countsFor, type Examples, type Head } from './data.ts';

/** Examples scored at a time. */
const AT_ONCE = 1024;

/**
 * AUC and log loss of clicks, and of conversions among the clicks. A part of one class has no AUC, and one without examples
 * has neither. `score` returns the outputs of the heads, [examples, heads].
 */
export async function validationMetrics(
  validation: Examples,
  heads: readonly Head[],
  score: (examples: Int32Array) => Promise<Float32Array>,
): Promise<TrainingMetrics> {
  const count = validation.user.length;
  const outputs = new Float32Array(count * heads.length);
  for (let from = 0; from < count; from += AT_ONCE) {
    const length = Math.min(AT_ONCE, count - from);
    const part = Int32Array.from({ length }, (_, i) => from + i);
    outputs.set(await score(part), from * heads.length);
  }
  const metrics: Record<string, number> = {};
  for (const [head, labels, prefix] of [
    ['click', validation.clicked, ''],
    ['conversion', validation.converted, 'conversion '],
  ] as const) {
    const place = heads.indexOf(head);
    const counted = Array.from({ length: count }, (_, i) => i).filter((i) => countsFor(head, validation, i));
    if (place < 0 || labels === undefined || counted.length === 0) continue;
    const judged = {
      predictions: counted.map((i) => sigmoid(outputs[i * heads.length + place] as number)),
      labels: counted.map((i) => labels[i] as number),
    };
    metrics[`${prefix}log loss`] = logLoss(judged);
    if (new Set(judged.labels).size > 1) metrics[`${prefix}auc`] = areaUnderCurve(judged);
  }
  return metrics;
}

export const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));
