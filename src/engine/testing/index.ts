/**
 * Tools for testing what is built on the engine: the test driver, which runs a topology's real tasks over a log in
 * memory with time moved by hand.
 */
export { type DriverOptions, TopologyDriver } from './driver.ts';
