/** For tests: an installation that decides on versions, and a run that holds a snapshot. */
export { openRegistryWorld, type RegistryWorld } from './registry-world.ts';
export { runAtWork } from './run-at-work.ts';
