/**
 * Tools for testing what is built on the engine: the test driver, which runs a topology's real tasks over a log in
 * memory with time moved by hand, and the simulation, which runs topologies under every fault that a seed brings.
 */
export { type DriverOptions, TopologyDriver } from './driver.ts';
export { json, jsonTopic } from './json-topic.ts';
export {
  type CampaignOptions,
  campaign,
  commandFor,
  FAILPOINTS,
  FAULTS,
  type Failure,
  KEPT_SEEDS,
  type KeptSeed,
  type Run,
  type Summary,
  simulate,
  TOPOLOGIES,
} from './simulation/index.ts';
export type { Input, TopologyUnderTest } from './simulation/topology-under-test.ts';
