/**
 * Wiring only: the catalogue's topics with their types, and what flows where between them. A topology holds no logic
 * of its own; what a step does stands in processors/, how it runs in engine/.
 */

export { finishedRowsTopic } from './finished-rows.ts';
export { internalValues } from './internal-values.ts';
export {
  EXAMPLE_PATH,
  LOOP_GENERATION,
  type LoopOptions,
  loopTopology,
  OUTCOME_WINDOW_MS,
} from './loop.ts';
export { openTopic, openTopics, type Topics, type TopologyContext } from './topics.ts';
export { leaveOutUndecodable } from './undecodable.ts';
export { archivedEventsTopic, type OpenedView, openViewTopic, viewTopology } from './view.ts';
