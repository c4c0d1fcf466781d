/** The thread of one run: it does the steps that it is told to, reports, and stops between updates when told to. */
import { loadModelModules, type TrainingProgress } from '#models';
import { serveThread } from '#platform';
import type { VersionTraining } from '../lesson.ts';
import {
  type InForce,
  type TrainedVersion,
  type TrainingOutcome,
  VersionTrainer,
} from './version-training.ts';

/** Mean loss of an epoch, and what validation gives. */
export type EpochValues = Readonly<Record<string, number>>;

export type TrainingAnswers = {
  train(): Promise<TrainingOutcome>;
  evaluate(inForce: InForce | undefined): Promise<TrainedVersion>;
};

export type TrainingEvent =
  | { readonly kind: 'progress'; readonly progress: TrainingProgress }
  | { readonly kind: 'epoch'; readonly epoch: number; readonly step: number; readonly values: EpochValues };

/** With the modules of models that the process knows. */
export type TrainingInput = VersionTraining & { readonly modelModules: readonly string[] };

await serveThread<TrainingInput, TrainingAnswers, void, TrainingEvent>(
  async ({ modelModules, ...what }, thread) => {
    await loadModelModules(modelModules);
    const trainer = new VersionTrainer(what);
    const answers: TrainingAnswers = {
      train: () =>
        trainer.train({
          signal: thread.stopping,
          onProgress: (progress) => thread.tell({ kind: 'progress', progress }),
          onEpoch: (epoch, step, values) => thread.tell({ kind: 'epoch', epoch, step, values }),
        }),
      evaluate: (inForce) => trainer.evaluate(inForce),
    };
    return { answers, ready: undefined, close: () => trainer.close() };
  },
);
