/**
 * Looks for a mistake that has been planted in the tree around this file, and prints what it found as JSON. Arguments:
 * what the mistake shows as, seconds of processor time, and its kept seeds as JSON. See run-mutants.ts.
 */
import { campaign, type Failure, type KeptSeed, type Run, simulate, TOPOLOGIES } from '#engine/testing';

export type Find = { readonly topology: string; readonly seed: number } & Failure;

export type Findings = {
  /** The first run that failed in the way that is looked for. */
  readonly caught: Find | undefined;
  /** The first that failed otherwise. */
  readonly otherwise: Find | undefined;
  /** Kept seeds that do not find it. */
  readonly blind: readonly KeptSeed[];
  readonly processorMs: number;
};

const [shows, seconds, kept] = process.argv.slice(2) as [Failure['kind'], string, string];
console.log(JSON.stringify(await hunt(shows, Number(seconds) * 1_000, JSON.parse(kept) as KeptSeed[])));

async function hunt(kind: Failure['kind'], limitMs: number, seeds: readonly KeptSeed[]): Promise<Findings> {
  const blind: KeptSeed[] = [];
  for (const seed of seeds) {
    const topology = TOPOLOGIES.find(({ name }) => name === seed.topology);
    if (topology === undefined || (await simulate(topology, seed.seed)).failure?.kind !== kind)
      blind.push(seed);
  }
  const isCaught = (run: Run) => run.failure?.kind === kind;
  const { failures, processorMs } = await campaign({
    seed: 1,
    withKept: false,
    isOver: (summary) => summary.failures.some(isCaught) || summary.processorMs > limitMs,
  });
  const caught = findOf(failures.find(isCaught));
  return { caught, otherwise: findOf(failures.find((run) => !isCaught(run))), blind, processorMs };
}

function findOf(run: Run | undefined): Find | undefined {
  if (run?.failure === undefined) return undefined;
  const { topology, seed, failure } = run;
  return { topology, seed, kind: failure.kind, text: failure.text };
}
