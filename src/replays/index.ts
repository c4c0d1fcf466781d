/**
 * Replays: a topology rerun from the log beside the live one, with stores and topics of its own; and the record that
 * switches answers to such a copy.
 *
 * It promises that nothing live is written, that an interrupted replay resumes from its own commits, and that what
 * the log no longer has is refused and named. How a topology runs is left to `#processing`, how its copy is made to `#engine`.
 */
export { cancelReplay } from './cancel.ts';
export { codeOf } from './code.ts';
export {
  type Definition,
  findReplay,
  type ReplayProgress,
  readReplays,
  replayGroup,
  replayProgress,
  shadowName,
} from './definition.ts';
export {
  type CopyName,
  copyKey,
  type InForce,
  readInForce,
  requireOwnGeneration,
  topicInForce,
  topicsInForce,
} from './in-force.ts';
export { pointOf, type Range } from './range.ts';
export { type Replay, type ReplayOptions, startReplay } from './replay.ts';
export { swap } from './swap.ts';
