/**
 * `npm run simulate -- [--seconds N] [--seed N] [--runs N] [--topology NAME] [--trace] [--mutants [--only NAME]]`.
 * Runs seed after seed and stops at the first failure, with a nonzero exit and the command that repeats it.
 */
import { parseArgs } from 'node:util';
import { campaign, commandFor, type Run, type Summary } from '#engine/testing';
import { runMutants } from './run-mutants.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: 'Infinity' },
    topology: { type: 'string' },
    trace: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});

if (values.mutants) process.exitCode = (await runMutants(Number(values.seconds), values.only)) ? 0 : 1;
else process.exitCode = (await runSeeds()) ? 0 : 1;

async function runSeeds(): Promise<boolean> {
  const start = performance.now();
  const endsAt = start + Number(values.seconds) * 1000;
  const runs = Number(values.runs);
  const summary = await campaign({
    seed: Number(values.seed),
    ...(values.topology !== undefined && { topology: values.topology }),
    withKept: !Number.isFinite(runs),
    isOver: ({ runs: done, failures }) => done >= runs || failures.length > 0 || performance.now() > endsAt,
  });
  for (const run of summary.failures) report(run);
  print(summary, (performance.now() - start) / 1000);
  return summary.failures.length === 0;
}

function report(run: Run): void {
  if (values.trace) console.log(run.trace.join('\n'));
  console.log(`FAILED ${run.topology} seed ${run.seed}\n${run.failure}\nrepeat with: ${commandFor(run)}`);
}

function print({ runs, virtualMs, faults, killedAt, failures }: Summary, seconds: number): void {
  const list = (counts: ReadonlyMap<string, number>) =>
    [...counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  console.log(`faults: ${list(faults)}`);
  console.log(`killed at: ${list(killedAt)}`);
  console.log(
    `${runs} runs, ${failures.length} failed; ${(virtualMs / 1000).toFixed(0)} virtual seconds in ${seconds.toFixed(1)} s`,
  );
}
