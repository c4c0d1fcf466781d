import { type JobDeclaration, type JobPolicy, readWhen, type When } from '#jobs';
import { defaultPlan, defaultTraining, type SnapshotPlan, type TrainingPlan } from '../trainer-options.ts';

/** Trainings have one place: none of these jobs runs beside another. */
const LANE = 'trainer';

/** The trainer itself gives up a run that has ended ten processes. */
const TAKEN_OVER = 10;

export type TrainingJobPlans = {
  readonly training?: TrainingPlan | undefined;
  readonly snapshots?: SnapshotPlan | undefined;
  /** When snapshots are taken; never by default. */
  readonly snapshot?: readonly When[] | undefined;
};

/** What the trainer does again and again. Its runs have retries and a deadline of their own: see pipeline/job.ts. */
export function declareTrainingJobs({
  training = defaultTraining,
  snapshots = defaultPlan,
  snapshot = [],
}: TrainingJobPlans) {
  const overlap = training.overlap === 'cancel' ? 'replace' : training.overlap;
  const policy: JobPolicy = { overlap, deadlineMs: undefined, retries: TAKEN_OVER };
  const { schedule, refresh, reindex } = training;
  const ofAge: readonly When[] =
    snapshots.everyMs > 0 ? [{ kind: 'interval', everyMs: snapshots.everyMs }] : [];
  const ofCount: readonly When[] =
    snapshots.everyExamples > 0 ? [{ kind: 'count', every: snapshots.everyExamples }] : [];
  return {
    // A full training that is due goes before a refresh, which it makes superfluous.
    training: {
      name: 'training',
      about: 'Train from scratch on a new snapshot.',
      when: [...readWhen(schedule), ...ofAge, ...ofCount],
      policy,
      lane: LANE,
    },
    refresh: {
      name: 'refresh',
      about: 'Continue training the version in force on new examples.',
      when: readWhen(refresh),
      policy,
      lane: LANE,
    },
    // Both wait for their turn, as they are over soon, and others have asked for them.
    reindex: {
      name: 'reindex',
      about: 'Build the index of the version in force anew.',
      when: readWhen(reindex),
      policy: { ...policy, overlap: 'queue' },
      lane: LANE,
    },
    snapshot: {
      name: 'snapshot',
      about: 'Take a snapshot of the examples, which is then trained on.',
      when: snapshot,
      policy: { ...policy, overlap: 'queue' },
      lane: LANE,
    },
  } as const satisfies Readonly<Record<string, JobDeclaration>>;
}
