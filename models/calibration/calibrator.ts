import { InputError } from '#platform';

/**
 * How scores become probabilities: plain values, written as JSON beside the model whose scores they are for. `isotonic`
 * interpolates between its knots and is constant beyond them; x (float32 numbers) ascends, y does not descend. `platt` is
 * the sigmoid of slope * score + intercept.
 */
export type Calibrator =
  | { readonly kind: 'isotonic'; readonly x: readonly number[]; readonly y: readonly number[] }
  | { readonly kind: 'platt'; readonly slope: number; readonly intercept: number };

/** What a calibrator is fitted to. */
export type Labelled = {
  readonly scores: ArrayLike<number>;
  /** 1 if it happened, 0 if not. */
  readonly labels: ArrayLike<number>;
  /** 1 each by default. */
  readonly weights?: ArrayLike<number>;
};

/** The probability for a score; NaN for NaN. */
export function calibrate(calibrator: Calibrator, score: number): number {
  if (calibrator.kind === 'platt') {
    return 1 / (1 + Math.exp(-(calibrator.slope * score + calibrator.intercept)));
  }
  if (Number.isNaN(score)) return score;
  const { x, y } = calibrator;
  let below = 0; // knots at or below the score
  for (let above = x.length; below < above; ) {
    const middle = (below + above) >>> 1;
    if ((x[middle] as number) <= score) below = middle + 1;
    else above = middle;
  }
  if (below === 0) return y[0] as number;
  const [x0, y0] = [x[below - 1] as number, y[below - 1] as number];
  if (below === x.length) return y0;
  const share = (score - x0) / ((x[below] as number) - x0);
  return y0 + share * ((y[below] as number) - y0);
}

/** A calibrator from JSON; what is none is refused with InputError MR_MODEL_CHECKPOINT. */
export function parseCalibrator(value: unknown): Calibrator {
  const { kind, x, y, slope, intercept } = (value ?? {}) as Record<string, unknown>;
  if (kind === 'platt' && isFiniteNumber(slope) && isFiniteNumber(intercept))
    return { kind, slope, intercept };
  if (kind === 'isotonic' && areFinite(x) && areFinite(y)) {
    const ascends = x.every(
      (each, i) => Math.fround(each) === each && (i === 0 || each > (x[i - 1] as number)),
    );
    const isMonotone = y.every((each, i) => i === 0 || each >= (y[i - 1] as number));
    const areProbabilities = y.every((each) => each >= 0 && each <= 1);
    if (x.length > 0 && x.length === y.length && ascends && isMonotone && areProbabilities)
      return { kind, x, y };
  }
  throw new InputError('MR_MODEL_CHECKPOINT', 'the calibrator is damaged', { hint: 'Fit it again.' });
}

/** Errors: InputError MR_MODEL_DATA for what no calibrator can be fitted to. */
export function checkLabelled({ scores, labels, weights }: Labelled): void {
  if (scores.length === 0) throw malformed('there are no scores');
  if (labels.length !== scores.length || (weights ?? scores).length !== scores.length) {
    throw malformed(`${scores.length} scores, ${labels.length} labels, ${weights?.length ?? 'no'} weights`);
  }
  let total = 0;
  for (let i = 0; i < scores.length; i++) {
    const [score, label, weight] = [scores[i], labels[i], weights?.[i] ?? 1] as [number, number, number];
    if (!Number.isFinite(Math.fround(score))) throw malformed(`score ${i} is ${score}, no float32 number`);
    if (label !== 0 && label !== 1) throw malformed(`label ${i} is ${label}, not 0 or 1`);
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY)) throw malformed(`weight ${i} is ${weight}`);
    total += weight;
  }
  if (!(total > 0 && total < Number.POSITIVE_INFINITY)) throw malformed(`the weights add up to ${total}`);
}

const isFiniteNumber = (value: unknown): value is number => Number.isFinite(value);
const areFinite = (values: unknown): values is number[] =>
  Array.isArray(values) && values.every(isFiniteNumber);

function malformed(what: string): InputError {
  return new InputError('MR_MODEL_DATA', `cannot calibrate: ${what}`, {
    hint: 'Each score requires its label, 0 or 1; a score that is not finite comes from a model that diverged.',
  });
}
