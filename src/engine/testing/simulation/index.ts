/**
 * Simulation: whole topologies (the real runtime, tasks and stores) on the simulated log, under every fault that a seed
 * brings: kills at failpoints and anywhere, restarts with damaged, lost or outdated disks, rebalances, zombies that still
 * hold their stores' locks, requests that are slow, fail or arrive twice, logs that lose their end, clocks that jump. Values
 * are of many sizes. It promises that a seed is a run, the same each time, and that a run passes only when outputs, stores
 * and digests are those of an undisturbed run and those that a model of the topology names. After FoundationDB's simulation
 * (Zhou et al., SIGMOD 2021) and TigerBeetle's VOPR.
 */
export { type CampaignOptions, campaign, commandFor, type Summary } from './campaign.ts';
export { FAILPOINTS, FAULTS } from './faults.ts';
export { KEPT_SEEDS, type KeptSeed } from './seeds.ts';
export { type Failure, type Run, simulate } from './simulate.ts';
export { TOPOLOGIES } from './topologies.ts';
