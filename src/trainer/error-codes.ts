/** The error codes of the trainer. */
import { type CodesOf, fixInput, giveUp, retry } from '#platform';

export const TRAINER_ERRORS = {
  MR_REINDEX_FAILED: giveUp`The running start could not build an index.
    Read the dead letter that the hint names.`,
  MR_REINDEX_MODEL: fixInput`The version in force can't embed items that it was not trained on.
    Train again: a training indexes the whole catalogue.`,
  MR_REINDEX_NO_VERSION: fixInput`No version is in force whose item tower could embed items.
    Train one: "millrace train".`,
  MR_REINDEX_THREAD: giveUp`The thread that embeds items has ended by itself.
    It is started again; report what the log says.`,
  MR_RUN_ABANDONED: giveUp`A run was restarted repeatedly and never finished.
    Find out what ends the process, most likely memory; then train again.`,
  MR_RUN_CANCELLED: giveUp`A run was cancelled.
    Nothing was published; train again if needed.`,
  MR_RUN_DEADLINE: giveUp`A run exceeded its deadline.
    Raise training.deadlineMinutes, or train with fewer epochs.`,
  MR_RUN_REQUEST: fixInput`The request for a run is malformed.
    Correct what the message names.`,
  MR_SNAPSHOT_RETIRED: fixInput`The snapshot that a run needs no longer exists.
    Train on a new one: "millrace train".`,
  MR_SNAPSHOT_SUSPECT: fixInput`A column of the snapshot is broken, or has drifted far from the last snapshot.
    Look at "millrace snapshot --last"; if the change is intended, run "millrace train --force".`,
  MR_TRAINER_STOPPED: giveUp`The trainer was stopped before it finished.
    Restart it; it resumes from the snapshot.`,
  MR_TRAINING_FAILED: giveUp`The running start could not carry out a train command.
    Read the dead letter that the hint names.`,
  MR_TRAINING_FEATURES: fixInput`A snapshot's features differ from those used for answers.
    Take a new snapshot: "millrace train".`,
  MR_TRAINING_NOTHING_HELD_OUT: fixInput`Nothing in the snapshot is held out to evaluate a model with.
    Wait for more events, or raise the share that is held out.`,
  MR_TRAINING_NO_LISTS: fixInput`The snapshot has no impressions of which users took some and left others, so no ranker can be trained.
    Publish an event of kind impression for each item that a user is shown, or draw negatives with snapshots.negatives or snapshots.coVisitNegatives.`,
  MR_TRAINING_NOTHING_NEW: fixInput`A refresh has no new examples to learn from.
    Wait for more events, or train from scratch.`,
  MR_TRAINING_NOT_FINITE: fixInput`A number in the training data is not finite.
    Correct what computes it, and take a new snapshot.`,
  MR_TRAINING_NO_BASE: fixInput`The version that a training starts from is missing.
    Train from scratch: "millrace train".`,
  MR_TRAINING_ONE_CLASS: fixInput`All examples are of one item, so there is nothing to rank.
    Import or publish events on several items.`,
  MR_TRAINING_MODEL: giveUp`The code of a model threw: a module of yours, or one of ours by a bug.
    Correct the model where the stack in the log points.`,
  MR_TRAINING_OUT_OF_MEMORY: giveUp`A training needs more memory than is available.
    Lower training.dimension, train on fewer examples, or give it more memory.`,
  MR_TRAINING_PROVIDER: retry`The model runtime failed during a training.
    It is retried from the last checkpoint; if it keeps failing, use another provider.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof TRAINER_ERRORS> {}
}
