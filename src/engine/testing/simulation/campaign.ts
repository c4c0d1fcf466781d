import { KEPT_SEEDS } from './seeds.ts';
import { type Run, simulate } from './simulate.ts';
import { TOPOLOGIES } from './topologies.ts';
import type { TopologyUnderTest } from './topology-under-test.ts';

/** What many runs came to. */
export type Summary = {
  runs: number;
  virtualMs: number;
  /** What this process has used since the campaign began. */
  processorMs: number;
  lockWaits: number;
  readonly faults: Map<string, number>;
  readonly killedAt: Map<string, number>;
  readonly failures: Run[];
};

export type CampaignOptions = {
  /** The first seed; each is run on every topology before the next. */
  readonly seed: number;
  /** Asked before each run. */
  readonly isOver: (summary: Summary) => boolean;
  /** Only this topology; all of them where absent. */
  readonly topology?: string;
  /** Whether the seeds that once found a bug come first. */
  readonly withKept: boolean;
  readonly onRun?: (run: Run, summary: Summary) => void;
};

/** Simulates one seed after the other. */
export async function campaign(options: CampaignOptions): Promise<Summary> {
  const before = process.cpuUsage();
  const summary: Summary = {
    runs: 0,
    virtualMs: 0,
    processorMs: 0,
    lockWaits: 0,
    faults: new Map(),
    killedAt: new Map(),
    failures: [],
  };
  for (const [topology, seed] of runsOf(options)) {
    if (options.isOver(summary)) break;
    const run = await simulate(topology, seed);
    summary.runs++;
    summary.virtualMs += run.virtualMs;
    summary.lockWaits += run.lockWaits;
    const { user, system } = process.cpuUsage(before);
    summary.processorMs = (user + system) / 1_000;
    add(summary.faults, run.faults);
    add(summary.killedAt, run.killedAt);
    if (run.failure !== undefined) summary.failures.push(run);
    options.onRun?.(run, summary);
  }
  return summary;
}

function* runsOf(options: CampaignOptions): Generator<readonly [TopologyUnderTest, number]> {
  const chosen = TOPOLOGIES.filter(({ name }) => options.topology === undefined || name === options.topology);
  if (chosen.length === 0) throw new Error(`there is no topology ${options.topology}`);
  if (options.withKept) {
    for (const { topology: name, seed } of KEPT_SEEDS) {
      for (const topology of chosen) if (topology.name === name) yield [topology, seed];
    }
  }
  for (let seed = options.seed; ; seed++) for (const topology of chosen) yield [topology, seed];
}

function add(to: Map<string, number>, counts: ReadonlyMap<string, number>): void {
  for (const [name, count] of counts) to.set(name, (to.get(name) ?? 0) + count);
}

/** How to have a run again. */
export function commandFor({ topology, seed }: Run): string {
  return `npm run simulate -- --topology ${topology} --seed ${seed} --runs 1 --trace`;
}
