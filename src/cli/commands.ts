/**
 * Every command of `millrace`, in the order of its help. A command's own file is loaded only where the command is named:
 * the rooms behind all of them together take half a second of processor time.
 */
import type { Command } from 'commander';

type ListedCommand = {
  readonly name: string;
  readonly does: string;
  /** Adds to a command of this name all that it has beyond: arguments, options, examples, and its running. */
  readonly definition: () => Promise<(command: Command) => Command>;
};

export const commands: readonly ListedCommand[] = [
  {
    name: 'start',
    does: 'Create a world, train on it and serve live answers; or continue with the existing data directory.',
    definition: async () => (await import('./start/start.ts')).startCommand,
  },
  {
    name: 'run',
    does: 'Run a topology of your own on the log, and serve its stores.',
    definition: async () => (await import('./run/run.ts')).runCommand,
  },
  {
    name: 'import',
    does: 'Import data: MovieLens, RankLens, click logs, or any CSV, JSONL or Parquet files.',
    definition: async () => (await import('./import/import.ts')).importCommand,
  },
  {
    name: 'snapshot',
    does: 'Take a snapshot of the examples (Parquet files to train on) and describe it.',
    definition: async () => (await import('./training/snapshot.ts')).snapshotCommand,
  },
  {
    name: 'train',
    does: 'Take a snapshot of the examples, train on it, and submit the version for promotion.',
    definition: async () => (await import('./training/train.ts')).trainCommand,
  },
  {
    name: 'reindex',
    does: 'Build the index of the version in force anew, over the whole catalogue.',
    definition: async () => (await import('./training/reindex.ts')).reindexCommand,
  },
  {
    name: 'runs',
    does: 'List training runs, oldest first.',
    definition: async () => (await import('./runs/runs.ts')).runsCommand,
  },
  {
    name: 'recommend',
    does: 'Recommend items to a user.',
    definition: async () => (await import('./answers/recommend.ts')).recommendCommand,
  },
  {
    name: 'versions',
    does: 'List the versions, oldest first, with their quality.',
    definition: async () => (await import('./versions/versions.ts')).versionsCommand,
  },
  {
    name: 'promote',
    does: 'Put a version in force: one that awaits approval, or one that was promoted before.',
    definition: async () => (await import('./versions/promote.ts')).promoteCommand,
  },
  {
    name: 'rollback',
    does: 'Return to the previously promoted version.',
    definition: async () => (await import('./versions/promote.ts')).rollbackCommand,
  },
  {
    name: 'topics',
    does: 'List the topics of the log.',
    definition: async () => (await import('./log/topics.ts')).topicsCommand,
  },
  {
    name: 'offsets',
    does: 'List or set the offsets of consumer groups.',
    definition: async () => (await import('./log/offsets.ts')).offsetsCommand,
  },
  {
    name: 'topology',
    does: 'Show the topology of the processors: operators, stores, topics and their connections.',
    definition: async () => (await import('./processors/topology.ts')).topologyCommand,
  },
  {
    name: 'features',
    does: 'List the feature views, with statistics of their rows.',
    definition: async () => (await import('./features/features.ts')).featuresCommand,
  },
  {
    name: 'sql',
    does: 'Query the archive: events, examples, and features of users and items as of any time.',
    definition: async () => (await import('./archive/sql.ts')).sqlCommand,
  },
  {
    name: 'verify',
    does: "Verify that the processors' state follows from their inputs.",
    definition: async () => (await import('./processors/verify.ts')).verifyCommand,
  },
  {
    name: 'events',
    does: 'Look at the records of topics.',
    definition: async () => (await import('./log/events-tail.ts')).eventsCommand,
  },
  {
    name: 'copy',
    does: 'Copy topics from one log to another, and compare them record by record.',
    definition: async () => (await import('./log/copy.ts')).copyCommand,
  },
  {
    name: 'opt-out',
    does: "Stop accepting a user's events, and delete their rows.",
    definition: async () => (await import('./users/opt-out.ts')).optOutCommand,
  },
  {
    name: 'opt-in',
    does: 'Accept events again from a user who had opted out.',
    definition: async () => (await import('./users/opt-out.ts')).optInCommand,
  },
  {
    name: 'erase',
    does: 'Erase a user: rows, snapshots, versions, archive, and the key of their pseudonym.',
    definition: async () => (await import('./users/erase.ts')).eraseCommand,
  },
];
