import { InputError } from '#platform';

/** Predictions beside what came of them: 1 if it happened, 0 if not. */
export type Outcomes = { readonly predictions: ArrayLike<number>; readonly labels: ArrayLike<number> };

/**
 * Area under the ROC curve: the probability that a positive was scored above a negative, ties counting half (the
 * statistic of Mann and Whitney). Predictions may be any scores, infinite ones too. One class alone has no curve, and what
 * is not a number no place on it: MR_EVALUATION_OUTCOMES.
 */
export function areaUnderCurve({ predictions, labels }: Outcomes): number {
  checkLengths({ predictions, labels });
  checkNumbers(predictions);
  const order = inOrder(predictions);
  let negativesBelow = 0;
  let positives = 0;
  let won = 0;
  for (let i = 0; i < order.length; ) {
    const score = predictions[order[i] as number];
    let tiedPositives = 0;
    let tied = 0;
    for (; i + tied < order.length && predictions[order[i + tied] as number] === score; tied++) {
      tiedPositives += labels[order[i + tied] as number] as number;
    }
    won += tiedPositives * (negativesBelow + (tied - tiedPositives) / 2);
    positives += tiedPositives;
    negativesBelow += tied - tiedPositives;
    i += tied;
  }
  if (positives === 0 || negativesBelow === 0) {
    throw new InputError(
      'MR_EVALUATION_OUTCOMES',
      `AUC of ${positives} positives and ${negativesBelow} negatives`,
      {
        hint: 'There must be one of each: evaluate on more rows.',
      },
    );
  }
  return won / (positives * negativesBelow);
}

/** What happened was given at least this probability, so that one wrong certainty is dear, not infinite. */
const SMALLEST = 1e-15;

/** Mean of -log of the probability that was given to what happened, in nats. Predictions are probabilities. */
export function logLoss({ predictions, labels }: Outcomes): number {
  checkProbabilities({ predictions, labels });
  let sum = 0;
  for (let i = 0; i < labels.length; i++) {
    const given = labels[i] === 1 ? (predictions[i] as number) : 1 - (predictions[i] as number);
    sum -= Math.log(Math.max(SMALLEST, given));
  }
  return sum / labels.length;
}

/** A stretch of the predictions, in their order. */
export type CalibrationBin = {
  readonly count: number;
  readonly predicted: number;
  readonly observed: number;
};

export type Calibration = {
  /** Mean distance of predicted and observed rate over the rows: the expected calibration error (Naeini et al. 2015). */
  readonly error: number;
  /** Mean prediction divided by the mean outcome: 1 is calibrated on the whole; infinite where nothing happened. */
  readonly ratio: number;
  /** Lowest predictions first. */
  readonly bins: readonly CalibrationBin[];
};

/**
 * How far predicted probabilities are from observed rates. Bins hold equally many rows, so that each rate is as sure as
 * the next one; equal predictions share a bin, so that the order of the rows makes no difference.
 */
export function calibration({ predictions, labels }: Outcomes, bins = 10): Calibration {
  checkProbabilities({ predictions, labels });
  const order = inOrder(predictions);
  const made: CalibrationBin[] = [];
  for (let from = 0; from < order.length; ) {
    let to = Math.max(from + 1, Math.round(((made.length + 1) * order.length) / bins));
    const last = predictions[order[to - 1] as number];
    while (to < order.length && predictions[order[to] as number] === last) to++;
    made.push(binOf({ predictions, labels }, order.slice(from, to)));
    from = to;
  }
  const total = (rate: 'predicted' | 'observed') => made.reduce((sum, bin) => sum + bin.count * bin[rate], 0);
  const error = made.reduce((sum, bin) => sum + bin.count * Math.abs(bin.predicted - bin.observed), 0);
  return { error: error / order.length, ratio: total('predicted') / total('observed'), bins: made };
}

function binOf({ predictions, labels }: Outcomes, rows: readonly number[]): CalibrationBin {
  const mean = (values: ArrayLike<number>) =>
    rows.reduce((sum, row) => sum + (values[row] as number), 0) / rows.length;
  return { count: rows.length, predicted: mean(predictions), observed: mean(labels) };
}

/** Rows, the lowest prediction first. */
function inOrder(predictions: ArrayLike<number>): number[] {
  const order = Array.from({ length: predictions.length }, (_, row) => row);
  return order.sort((a, b) => {
    const [one, other] = [predictions[a] as number, predictions[b] as number];
    // The difference of two infinite ones is not a number.
    return one === other ? 0 : one - other;
  });
}

function checkNumbers(predictions: ArrayLike<number>): void {
  for (let row = 0; row < predictions.length; row++) {
    if (!Number.isNaN(predictions[row])) continue;
    throw new InputError('MR_EVALUATION_OUTCOMES', `prediction ${row} is not a number`, {
      hint: 'A score is not a number if the model diverged, or does not know the row.',
    });
  }
}

function checkLengths({ predictions, labels }: Outcomes): void {
  if (predictions.length === labels.length && labels.length > 0) return;
  throw new InputError(
    'MR_EVALUATION_OUTCOMES',
    `${predictions.length} predictions of ${labels.length} outcomes`,
    {
      hint: 'Each prediction requires its outcome, and there must be at least one.',
    },
  );
}

function checkProbabilities(outcomes: Outcomes): void {
  checkLengths(outcomes);
  for (let i = 0; i < outcomes.labels.length; i++) {
    const probability = outcomes.predictions[i] as number;
    if (probability >= 0 && probability <= 1) continue;
    throw new InputError(
      'MR_EVALUATION_OUTCOMES',
      `prediction ${i} is ${probability}, which is not a probability`,
      {
        hint: 'Scores become probabilities by a sigmoid; one that is not a number comes from a model that diverged.',
      },
    );
  }
}
