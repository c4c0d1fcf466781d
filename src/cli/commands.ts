/**
 * Every command of `millrace`, in the order of its help. A command's file is loaded only when the command runs:
 * loading all of them takes half a second of processor time.
 */
import type { Command } from 'commander';

type ListedCommand = {
  readonly name: string;
  readonly does: string;
  /** Completes the command: arguments, options, examples and action. */
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
    does: 'Rebuild the index of the version in force from the whole catalogue.',
    definition: async () => (await import('./training/reindex.ts')).reindexCommand,
  },
  {
    name: 'evaluate',
    does: 'Evaluate a version, or a model that was trained elsewhere, on the held-out part of a snapshot.',
    definition: async () => (await import('./training/evaluate.ts')).evaluateCommand,
  },
  {
    name: 'runs',
    does: 'List training runs, oldest first.',
    definition: async () => (await import('./runs/runs.ts')).runsCommand,
  },
  {
    name: 'jobs',
    does: 'List the jobs: when each runs, and what came of its last run; run, pause or resume them.',
    definition: async () => (await import('./jobs/jobs.ts')).jobsCommand,
  },
  {
    name: 'recommend',
    does: 'Recommend items to a user.',
    definition: async () => (await import('./answers/recommend.ts')).recommendCommand,
  },
  {
    name: 'explain',
    does: 'Explain why an item is in an answer or not, and what made up its score.',
    definition: async () => (await import('./answers/explain.ts')).explainCommand,
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
    name: 'lag',
    does: 'Show how far each group is behind what it reads.',
    definition: async () => (await import('./log/lag.ts')).lagCommand,
  },
  {
    name: 'top',
    does: 'Watch the tasks of a running process: lag, rate, processor time, memory, commits.',
    definition: async () => (await import('./live/top.ts')).topCommand,
  },
  {
    name: 'dead-letters',
    does: 'List the records that could not be processed; retry or drop them.',
    definition: async () => (await import('./dead-letters/dead-letters.ts')).deadLettersCommand,
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
    name: 'plan',
    does: 'Show what starting this code on this data would do to its state, and at what cost.',
    definition: async () => (await import('./processors/plan.ts')).planCommand,
  },
  {
    name: 'reset',
    does: 'Discard the state of a topology and rebuild it from its inputs.',
    definition: async () => (await import('./processors/reset.ts')).resetCommand,
  },
  {
    name: 'repair',
    does: 'Rebuild one derived thing: a store, a task, rows in Redis, archive files, or a version.',
    definition: async () => (await import('./processors/repair.ts')).repairCommand,
  },
  {
    name: 'replay',
    does: 'Rerun a topology from the log, beside the live one.',
    definition: async () => (await import('./replays/replay.ts')).replayCommand,
  },
  {
    name: 'diff',
    does: 'Compare the stores of a replay with the live ones, row by row.',
    definition: async () => (await import('./replays/diff.ts')).diffCommand,
  },
  {
    name: 'swap',
    does: 'Serve answers from a replay instead of the live copy, or switch back.',
    definition: async () => (await import('./replays/swap.ts')).swapCommand,
  },
  {
    name: 'why',
    does: 'Show the events that produced a value, in order, with the value after each.',
    definition: async () => (await import('./replays/why.ts')).whyCommand,
  },
  {
    name: 'keys',
    does: 'Manage the API keys of services.',
    definition: async () => (await import('./keys/keys.ts')).keysCommand,
  },
  {
    name: 'events',
    does: 'Print the records of topics.',
    definition: async () => (await import('./log/events-tail.ts')).eventsCommand,
  },
  {
    name: 'copy',
    does: 'Copy topics from one log to another, and compare them record by record.',
    definition: async () => (await import('./log/copy.ts')).copyCommand,
  },
  {
    name: 'backup',
    does: 'Back up log, vault, versions and files while they are in use, once or continuously.',
    definition: async () => (await import('./backup/backup.ts')).backupCommand,
  },
  {
    name: 'backups',
    does: 'List the points of a backup, and check its objects.',
    definition: async () => (await import('./backup/backups.ts')).backupsCommand,
  },
  {
    name: 'restore',
    does: 'Restore a data directory from a backup, as of a given time.',
    definition: async () => (await import('./backup/restore.ts')).restoreCommand,
  },
  {
    name: 'config',
    does: 'Show the options and where their values come from, or check them.',
    definition: async () => (await import('./configuration/config.ts')).configCommand,
  },
  {
    name: 'doctor',
    does: 'Check everything that a start needs, and say how to fix it.',
    definition: async () => (await import('./doctor/doctor.ts')).doctorCommand,
  },
  {
    name: 'rotate-key',
    does: 'Re-encrypt every user’s key under a new master key, without downtime.',
    definition: async () => (await import('./users/rotate-key.ts')).rotateKeyCommand,
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
