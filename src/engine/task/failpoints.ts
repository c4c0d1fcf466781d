import { failpoint } from '#platform';

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

/** Those that are passed only where several members share the tasks. */
export const REBALANCE_FAILPOINTS = ['assignment.revoked'] as const;

/** Marks that a step has been reached. */
export function step(name: TaskFailpoint | (typeof REBALANCE_FAILPOINTS)[number]): void {
  failpoint(name);
}
