import type { MessagePort } from 'node:worker_threads';
import { FatalError, InputError } from '#platform';
import type { Checkpoint, CheckpointArray, Json } from './checkpoint.ts';
import type { Provider } from './graph/session.ts';

/** Where a training computes. What comes of it depends on the provider, never on the number of threads. */
export type Execution = {
  /** The CPU unless told otherwise; `auto` takes the first of cuda, webgpu and cpu that starts. */
  readonly provider?: Provider | 'auto';
  /** Threads that compute a step together, of a model that can be cut up, on the CPU; one unless told otherwise. */
  readonly threads?: number;
  /** What starts those threads, as `hostThreads` does, in the place of the calling one. */
  readonly host?: MessagePort;
};

/** A model that can be trained: opened on its data, it is stepped by `train`. Configuration holds its number of epochs. */
export type Trainable<Data, Config, Result> = {
  readonly model: string;
  /**
   * Equal data, configuration and seed give equal bytes on one machine. Bad data is MR_MODEL_DATA, a bad configuration
   * MR_MODEL_CONFIG.
   */
  open(data: Data, config: Partial<Config>, seed: number, execution?: Execution): Promise<Training<Result>>;
};

/** By name; what they mean is the model's business. */
export type TrainingMetrics = Readonly<Record<string, number>>;

/** One training under way. It blocks the calling thread for most of the time, so that should be a worker's. */
export interface Training<Result> {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** Steps before the first epoch, such as those of models that this one is built on; none unless given. */
  readonly stepsBefore?: number;
  /** Where it runs, and why not where it was asked to. */
  readonly provider: string;
  readonly fallbackReason: string | undefined;
  /** One update of the weights; those before the first epoch come first, and the step after the last of an epoch begins the next one. */
  step(): Promise<{ readonly loss: number }>;
  /** Judges the weights as they are on rows that are not learned from; undefined where there are none. */
  validate(): Promise<TrainingMetrics | undefined>;
  /** Copies of all that later steps depend on: weights, optimisers, random state, place in the epoch. */
  save(): Checkpoint;
  /** Goes on as the training that was saved would have; one of other data or configuration is MR_MODEL_CHECKPOINT. */
  restore(checkpoint: Checkpoint): void;
  /** What the weights as they are come to: vectors and towers to be served. */
  result(): Promise<Result>;
  close(): Promise<void>;
}

/** The training with another form of its result. */
export function withResult<A, B>(training: Training<A>, form: (result: A) => B): Training<B> {
  return {
    epochs: training.epochs,
    stepsPerEpoch: training.stepsPerEpoch,
    stepsBefore: training.stepsBefore ?? 0,
    provider: training.provider,
    fallbackReason: training.fallbackReason,
    step: () => training.step(),
    validate: () => training.validate(),
    save: () => training.save(),
    restore: (checkpoint) => training.restore(checkpoint),
    result: async () => form(await training.result()),
    close: () => training.close(),
  };
}

export type TrainingProgress = {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Steps done and steps in all, over all epochs. */
  readonly step: number;
  readonly steps: number;
  /** Loss of this step. */
  readonly loss: number;
};

export type EpochSummary = {
  /** From 1. */
  readonly epoch: number;
  /** Steps done, over all epochs. */
  readonly step: number;
  /** Mean over the epoch's steps. */
  readonly loss: number;
  /** Where the model has validation rows. */
  readonly metrics: TrainingMetrics | undefined;
};

export type TrainingControl = {
  /** Called after each step. */
  readonly onProgress?: (progress: TrainingProgress) => void;
  /** Called after each epoch, when it has been validated. */
  readonly onEpoch?: (summary: EpochSummary) => void;
  /** Looked at between steps; when aborted, training rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Stops after `patience` epochs without a better value of `metric` (higher is better), and goes back to the best weights. */
  readonly earlyStopping?: { readonly metric: string; readonly patience: number };
  /** Called every `everySteps` steps; training waits for it. */
  readonly checkpoints?: {
    readonly everySteps: number;
    readonly save: (checkpoint: Checkpoint) => void | Promise<void>;
  };
  /** A checkpoint that `checkpoints.save` was given: the result has the same bytes as if nothing had happened. */
  readonly resumeFrom?: Checkpoint;
};

export type TrainingHistory = {
  readonly epochs: readonly EpochSummary[];
  /** The epoch whose weights the training has now: the best by validation, or the last. */
  readonly chosenEpoch: number;
  readonly stoppedEarly: boolean;
};

/** The loop's own part of a checkpoint. */
type Position = { step: number; epochLoss: number; epochs: EpochSummary[]; best: number; bestValue: number };

/**
 * The one training loop: steps through the epochs, validates after each, and leaves the training with the weights that
 * are to be used. A loss that is not finite any more is MR_MODEL_DIVERGED; early stopping on a metric that validation
 * does not give is MR_MODEL_DATA.
 */
export async function train<Result>(
  training: Training<Result>,
  control: TrainingControl = {},
): Promise<TrainingHistory> {
  const { stepsPerEpoch, epochs, stepsBefore = 0 } = training;
  const { earlyStopping, checkpoints, signal } = control;
  const steps = stepsBefore + stepsPerEpoch * epochs;
  const isBetweenEpochs = (step: number) => step > stepsBefore && (step - stepsBefore) % stepsPerEpoch === 0;
  let position: Position = {
    step: 0,
    epochLoss: 0,
    epochs: [],
    best: 0,
    bestValue: Number.NEGATIVE_INFINITY,
  };
  let bestWeights: Checkpoint | undefined;
  if (control.resumeFrom !== undefined) {
    const parts = separated(control.resumeFrom);
    training.restore(parts.current);
    position = parts.position;
    bestWeights = parts.best;
  }
  const outOfPatience = () =>
    earlyStopping !== undefined && position.epochs.length - position.best >= earlyStopping.patience;

  while (position.step < steps && !(isBetweenEpochs(position.step) && outOfPatience())) {
    signal?.throwIfAborted();
    const { loss } = await training.step();
    position.step++;
    const { step } = position;
    const epoch = Math.max(1, Math.ceil((step - stepsBefore) / stepsPerEpoch));
    if (!Number.isFinite(loss)) throw diverged(loss, step, epoch);
    if (step > stepsBefore) position.epochLoss += loss / stepsPerEpoch;
    control.onProgress?.({ epoch, epochs, step, steps, loss });
    if (isBetweenEpochs(step)) await endEpoch(epoch);
    if (checkpoints !== undefined && step % checkpoints.everySteps === 0) {
      await checkpoints.save(joined(training.save(), position, bestWeights));
    }
  }
  if (bestWeights !== undefined && position.best < position.epochs.length) training.restore(bestWeights);
  return {
    epochs: position.epochs,
    chosenEpoch: bestWeights === undefined ? position.epochs.length : position.best,
    stoppedEarly: position.step < steps,
  };

  async function endEpoch(epoch: number): Promise<void> {
    const metrics = await training.validate();
    const summary = { epoch, step: position.step, loss: position.epochLoss, metrics };
    position.epochLoss = 0;
    position.epochs.push(summary);
    if (earlyStopping !== undefined) {
      const value = metrics?.[earlyStopping.metric];
      if (value === undefined || Number.isNaN(value)) throw unjudged(earlyStopping.metric, metrics);
      if (value > position.bestValue) {
        position.best = epoch;
        position.bestValue = value;
        bestWeights = training.save();
      }
    }
    control.onEpoch?.(summary);
  }
}

function diverged(loss: number, step: number, epoch: number): FatalError {
  return new FatalError('MR_MODEL_DIVERGED', `the loss is ${loss} at step ${step}, in epoch ${epoch}`, {
    hint: 'Train with a lower learning rate, or look for values in the data that are not finite.',
  });
}

function unjudged(metric: string, metrics: TrainingMetrics | undefined): InputError {
  const given = metrics === undefined ? 'there are no validation rows' : Object.keys(metrics).join(', ');
  return new InputError('MR_MODEL_DATA', `validation has no ${metric} to stop early by: ${given}`, {
    hint: 'Hold out validation rows, choose a metric that the model reports, or train without early stopping.',
  });
}

const prefixes = { current: 'current/', best: 'best/' } as const;

/** The training's state, the loop's position, and the best state so far, as one checkpoint. */
function joined(current: Checkpoint, position: Position, best: Checkpoint | undefined): Checkpoint {
  const arrays = new Map<string, CheckpointArray>();
  for (const [name, array] of current.arrays) arrays.set(prefixes.current + name, array);
  for (const [name, array] of best?.arrays ?? []) arrays.set(prefixes.best + name, array);
  // JSON has no infinity.
  const bestValue = Number.isFinite(position.bestValue) ? position.bestValue : null;
  const loop = { ...structuredClone(position), bestValue } as unknown as Json;
  return { arrays, values: { current: current.values, best: best?.values ?? null, loop } };
}

function separated({ arrays, values }: Checkpoint): {
  current: Checkpoint;
  best: Checkpoint | undefined;
  position: Position;
} {
  const { current, best, loop } = values as unknown as {
    current: Json;
    best: Json;
    loop: Omit<Position, 'bestValue'> & { bestValue: number | null };
  };
  const under = (prefix: string) =>
    new Map(
      [...arrays].flatMap(([name, array]): [string, CheckpointArray][] =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), array]] : [],
      ),
    );
  return {
    current: { arrays: under(prefixes.current), values: current },
    best: best === null ? undefined : { arrays: under(prefixes.best), values: best },
    position: { ...structuredClone(loop), bestValue: loop.bestValue ?? Number.NEGATIVE_INFINITY },
  };
}
