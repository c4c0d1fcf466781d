/** Every step of commit, restore and assignment at which a test can stop a process. */
export const TASK_FAILPOINTS = [
  'assignment.joined',
  'restore.before',
  'restore.chunk',
  'restore.after',
  'process.batch',
  'commit.collect',
  'commit.log.before',
  'commit.log.after',
  'commit.store.before',
  'commit.store.between',
  'commit.store.after',
] as const;

export type TaskFailpoint = (typeof TASK_FAILPOINTS)[number];
