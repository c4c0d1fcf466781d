/**
 * The places in an installation that hold something of a user: profile, views, versions, snapshots, runs and the log,
 * each as a target of an erasure (`#privacy`).
 *
 * It promises that a target can be cut off anywhere and is completed by the same call, and that topics which still hold
 * something of a user are named. The archive and Redis are targets of their own (`#service`).
 */
export { erasureTargets, type RemainingTopic, remainingTopics, scrubLog } from './erasure-targets.ts';
export { committedBy } from './processed.ts';
export { rowsInViews } from './user-rows.ts';
