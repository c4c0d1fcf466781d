/** The options of training; which models are trained, and their parameters, the models declare. */
import { schedule } from '#jobs/options';
import { count, option, seed, text, whole, z } from '#platform/configuration';

export { requireKnownColumns } from './ranking/known-columns.ts';

export const TRAINER_OPTIONS = {
  training: {
    modelModules: option(z.array(z.string().min(1)).default([]))`
      Modules that declare models of your own, for training.models: paths from the working directory.`,
    seed: option(seed().default(1))`Seed of initial weights and of the order of examples.`,
    epochs: option(count().optional())`
      Passes over the examples; by default the trainer chooses by their number.`,
    dimension: option(count().default(64))`Length of the user and item vectors.`,
    textEncoder: option(text().optional())`
      ONNX file that encodes item titles for models that read titles, as docs/MODELS.md says; by default titles are
      encoded by their n-grams.`,
    schedule: option(schedule().default('0 3 * * *'))`
      When a running start trains from scratch, as five fields of cron in UTC, or \`off\`.`,
    refresh: option(schedule().default('*/15 * * * *'))`
      When a running start continues training the version in force on new examples; same format as the schedule. Not
      used when versions wait for an approval.`,
    reindex: option(schedule().default('0 4 * * *'))`
      When a running start rebuilds the index of the version in force, if items have changed since; same format as
      the schedule.`,
    refreshExamples: option(count().default(1000))`
      Minimum records of topic \`examples\` since the last snapshot for a refresh to start. All count, including those
      of weight 0 and of an item that the user had before, from which nothing is learned.`,
    overlap: option(z.enum(['skip', 'queue', 'cancel']).default('skip'))`
      What happens to a run that is due while another is active: it is skipped, it waits, or it replaces those that
      nobody requested by hand.`,
    deadlineMinutes: option(z.number().positive().default(360))`
      Time after which an active run fails, minutes.`,
    retries: option(whole().default(3))`How often a step of a run is retried after a transient error.`,
    patience: option(whole().default(0))`
      Epochs without a better recall@10 (ndcg@10 of a ranker) on the validation part after which training ends and
      returns to the best epoch; of boosted trees, ten are an epoch. With 0 it also learns from that part.`,
    checkpointSteps: option(count().default(100))`
      Weight updates between two checkpoints, from which a run resumes after a crash.`,
    provider: option(z.enum(['cpu', 'webgpu', 'cuda', 'auto']).default('auto'))`
      What computes the updates; \`auto\` takes the first of cuda, webgpu and cpu that starts. If another one does
      not start, the CPU takes its place, and the reason is printed.`,
    threads: option(count().optional())`
      CPU threads that compute an update together, for models whose updates can be divided: any number produces the
      same bytes. One per core by default; one less in a running start, which also serves.`,
  },
};
