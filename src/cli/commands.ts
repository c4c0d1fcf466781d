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
    does: 'Make a world, train on it, and serve live answers; or go on with what the data directory holds.',
    definition: async () => (await import('./start/start.ts')).startCommand,
  },
  {
    name: 'run',
    does: 'Run a topology of your own on the log, and serve its stores.',
    definition: async () => (await import('./run/run.ts')).runCommand,
  },
  {
    name: 'import',
    does: 'Import a data set.',
    definition: async () => (await import('./import/import-movielens.ts')).importCommand,
  },
  {
    name: 'snapshot',
    does: 'Take a snapshot of the examples: Parquet files to train on, and what they hold.',
    definition: async () => (await import('./training/snapshot.ts')).snapshotCommand,
  },
  {
    name: 'train',
    does: 'Take a snapshot of the examples, train on it, and put the version up for promotion.',
    definition: async () => (await import('./training/train.ts')).trainCommand,
  },
  {
    name: 'runs',
    does: 'List the trainings that were asked for, oldest first.',
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
    does: 'Put a version in force: one that waits for an approval, or that was promoted before.',
    definition: async () => (await import('./versions/promote.ts')).promoteCommand,
  },
  {
    name: 'rollback',
    does: 'Return to the version that was promoted before the one in force.',
    definition: async () => (await import('./versions/promote.ts')).rollbackCommand,
  },
  {
    name: 'topics',
    does: 'List the topics of the log.',
    definition: async () => (await import('./log/topics.ts')).topicsCommand,
  },
  {
    name: 'offsets',
    does: 'List how far the groups have read the log, and set it.',
    definition: async () => (await import('./log/offsets.ts')).offsetsCommand,
  },
  {
    name: 'topology',
    does: 'Show what the processors consist of: operators, stores, topics and how they are connected.',
    definition: async () => (await import('./processors/topology.ts')).topologyCommand,
  },
  {
    name: 'features',
    does: 'List the feature views, with what their topics hold.',
    definition: async () => (await import('./features/features.ts')).featuresCommand,
  },
  {
    name: 'sql',
    does: 'Ask the archive: events, examples, and what was known of users and items at any time.',
    definition: async () => (await import('./archive/sql.ts')).sqlCommand,
  },
  {
    name: 'verify',
    does: 'Prove that the state of the processors is what their inputs make of it.',
    definition: async () => (await import('./processors/verify.ts')).verifyCommand,
  },
  {
    name: 'events',
    does: 'Look at what is on the topics.',
    definition: async () => (await import('./log/events-tail.ts')).eventsCommand,
  },
  {
    name: 'copy',
    does: 'Copy topics from one log to another, and compare them record by record.',
    definition: async () => (await import('./log/copy.ts')).copyCommand,
  },
  {
    name: 'opt-out',
    does: 'Take no events of a user any more, and delete their rows.',
    definition: async () => (await import('./users/opt-out.ts')).optOutCommand,
  },
  {
    name: 'opt-in',
    does: 'Take the events of a user who had opted out again.',
    definition: async () => (await import('./users/opt-out.ts')).optInCommand,
  },
  {
    name: 'erase',
    does: 'Erase a user: rows, snapshots, versions, archive, and the key of their pseudonym.',
    definition: async () => (await import('./users/erase.ts')).eraseCommand,
  },
];
