/** The error codes of the trainer. */
import { type CodesOf, fixConfiguration, fixInput, giveUp, retry } from '#platform';

export const TRAINER_ERRORS = {
  MR_RUN_ABANDONED: giveUp`A run was begun again and again and never came to its end.
    Look at what ends the process, memory most of all; then train again.`,
  MR_RUN_CANCELLED: giveUp`A run was cancelled.
    Nothing was published; train again where that is wanted.`,
  MR_RUN_DEADLINE: giveUp`A run was not done in time.
    Raise training.deadlineMinutes, or train with fewer epochs.`,
  MR_RUN_OVERLAP: giveUp`A run was due while another one was at work.
    Train less often, or say otherwise with training.overlap.`,
  MR_RUN_REQUEST: fixInput`What a run was asked to be cannot be read.
    Correct what the message names.`,
  MR_SNAPSHOT_RETIRED: fixInput`The snapshot that a run needs is not there any more.
    Train on a new one: "millrace train".`,
  MR_SNAPSHOT_SUSPECT: fixInput`A column of the snapshot is broken, or has moved far from what it was.
    Look at "millrace snapshot --last"; where the change is meant, run "millrace train --force".`,
  MR_TRAINER_STOPPED: giveUp`The trainer was stopped before it had finished.
    Start it again; it goes on from the snapshot.`,
  MR_TRAINING_FAILED: giveUp`The running start could not carry out a train command.
    Read the dead letter that the hint names.`,
  MR_TRAINING_FEATURES: fixInput`A snapshot has other features than answers are made from, or lacks some.
    Take a new snapshot: "millrace train".`,
  MR_TRAINING_NOTHING_HELD_OUT: fixInput`Nothing in the snapshot would say how good a model is.
    Wait for further events, or raise the share that is held out.`,
  MR_TRAINING_NOTHING_NEW: fixInput`A refresh has no examples that were not learned before.
    Wait for further events, or train from scratch.`,
  MR_TRAINING_NOT_FINITE: fixInput`A number that is learned from is not finite.
    Correct what computes it, and take a new snapshot.`,
  MR_TRAINING_NO_BASE: fixInput`The version that a training is to begin with is not there.
    Train from scratch: "millrace train".`,
  MR_TRAINING_ONE_CLASS: fixInput`All examples are of one item: there is nothing to tell apart.
    Import or publish events on several items.`,
  MR_TRAINING_OUT_OF_MEMORY: giveUp`A training needs more memory than there is.
    Lower training.dimension, train on fewer examples, or give it more memory.`,
  MR_TRAINING_PROVIDER: retry`The runtime of the model has failed in the midst of a training.
    It is tried again from the last checkpoint; if it goes on, use another provider.`,
  MR_TRAINING_SCHEDULE: fixConfiguration`A schedule cannot be read.
    Write five fields of cron, such as "0 3 * * *", or "off".`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof TRAINER_ERRORS> {}
}
