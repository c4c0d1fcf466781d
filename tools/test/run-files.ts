/** A run: processes with test files, several at a time; a file that failed is run once more by itself. */
import { type Outcome, type ProcessPlan, runProcess } from './run-process.ts';

/** A process that failed, and its files' second try, each in a process of its own. */
export type Retried = { readonly first: Outcome; readonly second: readonly Outcome[] };

export type RunResult = {
  readonly outcomes: readonly Outcome[];
  /** They passed at the second try. */
  readonly flaky: readonly Retried[];
  readonly failed: readonly Retried[];
};

export type RunOptions = {
  readonly concurrency: number;
  /** For one file; a process that several share has as many times that. */
  readonly limitMs: number;
  /** Ends the processes that run; no other is started. */
  readonly signal: AbortSignal;
  /** Called when a process has ended. */
  readonly onEnd?: (outcome: Outcome, left: number) => void;
};

/** More flaky files than this fail the run. */
const MAX_FLAKY = 3;

export async function runFiles(
  plans: readonly ProcessPlan[],
  { concurrency, limitMs, signal, onEnd }: RunOptions,
): Promise<RunResult> {
  const waiting = [...plans];
  const outcomes: Outcome[] = [];
  const run = (plan: ProcessPlan) => runProcess(plan, { limitMs: limitMs * plan.files.length, signal });
  const worker = async () => {
    for (let plan = waiting.shift(); plan !== undefined && !signal.aborted; plan = waiting.shift()) {
      const outcome = await run(plan);
      outcomes.push(outcome);
      onEnd?.(outcome, waiting.length);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));

  const flaky: Retried[] = [];
  const failed: Retried[] = [];
  for (const first of outcomes.filter(hasFailed)) {
    const second: Outcome[] = [];
    for (const file of signal.aborted ? [] : suspects(first))
      second.push(await run({ files: [file], seed: first.plan.seed }));
    (signal.aborted || second.some(hasFailed) ? failed : flaky).push({ first, second });
  }
  return { outcomes, flaky, failed };
}

export function joinResults(results: readonly RunResult[]): RunResult {
  return {
    outcomes: results.flatMap(({ outcomes }) => outcomes),
    flaky: results.flatMap(({ flaky }) => flaky),
    failed: results.flatMap(({ failed }) => failed),
  };
}

export function isGreen({ flaky, failed }: RunResult): boolean {
  return failed.length === 0 && flaky.length <= MAX_FLAKY;
}

function hasFailed({ failures, counts }: Outcome): boolean {
  return failures.length > 0 || counts.failed > 0 || counts.cancelled > 0;
}

/** The files that failed; all of them where the process ended before it could say which. */
function suspects({ plan: { files }, failures }: Outcome): readonly string[] {
  const named = new Set(failures.map(({ file }) => file));
  const found = files.filter((file) => named.has(file));
  return found.length === named.size && found.length > 0 ? found : files;
}
