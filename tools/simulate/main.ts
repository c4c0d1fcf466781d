/** `npm run simulate`: seed after seed until one fails, or mutants until one survives. See arguments.ts for its options. */
import { campaign, commandFor, type Run, type Summary, TOPOLOGIES } from '#engine/testing';
import { type Arguments, readArguments, usage } from './arguments.ts';
import { runMutants } from './run-mutants.ts';

const topologies = TOPOLOGIES.map(({ name }) => name);
const interrupted = new AbortController();

// A second one ends it at once.
process.once('SIGINT', () => interrupted.abort());
process.exitCode = await main();

async function main(): Promise<number> {
  let args: Arguments;
  try {
    args = readArguments(process.argv.slice(2), topologies);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage(topologies)}`);
    return 2;
  }
  if (args.help) {
    console.log(usage(topologies));
    return 0;
  }
  const isWell = args.mutants ? await runAllMutants(args) : await runSeeds(args);
  if (interrupted.signal.aborted) {
    if (args.mutants) console.log('interrupted');
    return 130;
  }
  return isWell ? 0 : 1;
}

async function runAllMutants({ seconds, only }: Arguments): Promise<boolean> {
  try {
    return await runMutants(seconds, only, interrupted.signal);
  } catch (error) {
    console.error((error as Error).message);
    return false;
  }
}

async function runSeeds({ seconds, seed, runs, topology, trace }: Arguments): Promise<boolean> {
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1000;
  let lastShown = 0;
  const show = (run: Run, { runs: done, failures }: Summary) => {
    if (!process.stderr.isTTY || elapsed() - lastShown < 1) return;
    lastShown = elapsed();
    process.stderr.write(
      `\r${elapsed().toFixed(0)} s: ${done} runs, at seed ${run.seed}, ${failures.length} failed`,
    );
  };
  const summary = await campaign({
    seed,
    ...(topology !== undefined && { topology }),
    withKept: runs === undefined,
    isOver: ({ runs: done, failures, processorMs }) =>
      interrupted.signal.aborted ||
      failures.length > 0 ||
      (runs !== undefined ? done >= runs : processorMs > seconds * 1_000),
    onRun: show,
  });
  if (lastShown > 0) process.stderr.write('\n');
  for (const run of summary.failures) report(run, trace);
  print(summary, elapsed());
  return summary.failures.length === 0;
}

function report(run: Run, trace: boolean): void {
  if (trace) console.log(run.trace.join('\n'));
  console.log(
    `FAILED ${run.topology} seed ${run.seed}\n${run.failure?.text}\n\nrepeat it with: ${commandFor(run)}\n`,
  );
}

function print(summary: Summary, seconds: number): void {
  const { runs, virtualMs, processorMs, lockWaits, faults, killedAt, failures } = summary;
  const list = (counts: ReadonlyMap<string, number>) =>
    [...counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `${name} ${count}`)
      .join(', ') || 'none';
  console.log(`faults: ${list(faults)}`);
  console.log(`processes killed at: ${list(killedAt)}`);
  console.log(`stores that another process kept locked for a while: ${lockWaits}`);
  const end = interrupted.signal.aborted ? 'interrupted after ' : '';
  const time = `${seconds.toFixed(1)} s (${(processorMs / 1_000).toFixed(1)} s of processor)`;
  console.log(
    `${end}${runs} runs, ${failures.length} failed; ${(virtualMs / 1000).toFixed(0)} virtual seconds in ${time}`,
  );
}
