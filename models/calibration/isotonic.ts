import { type Calibrator, checkLabelled, type Labelled } from './calibrator.ts';

/** Scores whose fitted probability is the same. */
type Block = { first: number; last: number; weight: number; sum: number };

/**
 * Isotonic regression by pooling adjacent violators (Ayer et al. 1955), as a calibrator (Zadrozny and Elkan 2002): of all
 * functions that do not descend, the one with the least weighted squared error, so that the weighted mean of the fitted
 * probabilities is that of the labels. Equal scores have one probability. Scores are rounded to float32, as the ONNX file
 * of a model gives them. Rows of weight 0 do not count. Errors: InputError MR_MODEL_DATA, see `checkLabelled`.
 */
export function fitIsotonic(labelled: Labelled): Calibrator {
  checkLabelled(labelled);
  const scores = Float32Array.from(labelled.scores);
  const blocks: Block[] = [];
  for (const block of distinct(scores, labelled)) {
    blocks.push(block);
    for (;;) {
      const [before, last] = blocks.slice(-2);
      if (before === undefined || last === undefined || before.sum * last.weight < last.sum * before.weight)
        break;
      blocks.splice(-2, 2, {
        first: before.first,
        last: last.last,
        weight: before.weight + last.weight,
        sum: before.sum + last.sum,
      });
    }
  }
  // Inside of a block the function is constant: its ends say all.
  const knots = blocks.flatMap(({ first, last, weight, sum }) => {
    const probability = sum / weight;
    return first === last
      ? [[first, probability] as const]
      : [[first, probability] as const, [last, probability] as const];
  });
  return { kind: 'isotonic', x: knots.map(([x]) => x), y: knots.map(([, y]) => y) };
}

/** A block for each distinct score, ascending. */
function distinct(scores: Float32Array, { labels, weights }: Labelled): Block[] {
  const order = Array.from(scores, (_, i) => i).sort((a, b) => (scores[a] as number) - (scores[b] as number));
  const blocks: Block[] = [];
  for (const i of order) {
    const score = (scores[i] as number) + 0; // -0 becomes 0, which JSON can say.
    const weight = weights?.[i] ?? 1;
    if (weight === 0) continue;
    const last = blocks.at(-1);
    if (last?.last === score) {
      last.weight += weight;
      last.sum += weight * (labels[i] as number);
    } else blocks.push({ first: score, last: score, weight, sum: weight * (labels[i] as number) });
  }
  return blocks;
}
