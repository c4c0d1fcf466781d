/** What a training thread and its parent say to each other. */
import type { TrainingProgress } from '#models';
import type { Failure } from '#platform';
import type { InForce, TrainedVersion, TrainingOutcome } from './version-training.ts';

export type ThreadOrder =
  | { readonly kind: 'train' }
  | { readonly kind: 'evaluate'; readonly inForce: InForce | undefined }
  /** Gives up the training under way. */
  | { readonly kind: 'stop' }
  | { readonly kind: 'end' };

export type ThreadReport =
  | { readonly kind: 'progress'; readonly progress: TrainingProgress }
  | { readonly kind: 'epoch'; readonly epoch: number; readonly step: number; readonly values: EpochValues }
  | { readonly kind: 'trained'; readonly trained: TrainingOutcome }
  | { readonly kind: 'evaluated'; readonly result: TrainedVersion }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** Mean loss of an epoch, and what validation gives. */
export type EpochValues = Readonly<Record<string, number>>;
