/** What a run prints at its end: the slowest files, what was skipped, what failed, and the lines of Node's own summary. */
import { relative } from 'node:path';
import { inspect } from 'node:util';
import { isGreen, type Retried, type RunResult } from './run-files.ts';
import type { Counts, Outcome, ProcessPlan } from './run-process.ts';

/** More skipped tests than this are told by file. */
const MAX_NAMED = 5;
const SLOWEST = 20;

export type RunFacts = { readonly root: string; readonly durationMs: number };

export function report(result: RunResult, facts: RunFacts): string {
  const { outcomes, flaky, failed } = result;
  const lines = [
    ...slowest(outcomes, facts),
    ...skipped(outcomes, facts),
    ...[...flaky, ...failed].flatMap((each) => outputOf(each, facts)),
    ...flaky.map(
      ({ second }) =>
        `FLAKY ${second.map(({ plan }) => named(plan, facts)).join(', ')}: passed when run once more`,
    ),
    ...failed.flatMap((each) => failuresOf(each, facts)),
  ];
  if (!isGreen(result) && failed.length === 0) lines.push(`FAILED ${flaky.length} files are flaky`);
  return [...lines, ...summary(result, facts)].map((line) => `${line}\n`).join('');
}

function slowest(outcomes: readonly Outcome[], { root }: RunFacts): string[] {
  // A process of one file takes what its file takes; those that share one are told apart by their tests.
  const times = outcomes.flatMap(({ plan: { files }, durationMs, fileMs }): (readonly [string, number])[] =>
    files.length === 1 ? [[files[0] as string, durationMs]] : [...fileMs],
  );
  return times
    .sort((a, b) => b[1] - a[1])
    .slice(0, SLOWEST)
    .map(([file, ms]) => `${(ms / 1_000).toFixed(1).padStart(6)} s  ${relative(root, file)}`);
}

function skipped(outcomes: readonly Outcome[], facts: RunFacts): string[] {
  const byReason = Map.groupBy(
    outcomes.flatMap(({ skips }) => skips),
    ({ reason }) => reason,
  );
  return [...byReason].flatMap(([reason, skips]) => {
    if (skips.length <= MAX_NAMED) return skips.map(({ name }) => `skipped: ${name}: ${reason}`);
    const byFile = Map.groupBy(skips, ({ file }) => relative(facts.root, file));
    const files = [...byFile].map(([file, of]) => `${file} (${of.length})`).sort();
    return [`skipped: ${skips.length} tests: ${reason}: ${files.join(', ')}`];
  });
}

/** What the processes of a failed file wrote, and the errors in whole. */
function outputOf({ first, second }: Retried, facts: RunFacts): string[] {
  return [first, ...second]
    .filter(({ failures }) => failures.length > 0)
    .flatMap(({ plan, failures, output }) => [
      '',
      `--- ${named(plan, facts)}`,
      ...(output === '' ? [] : [output.trimEnd()]),
      ...failures.flatMap(({ name, error }) => [`✖ ${name}`, inspect(causeOf(error))]),
    ]);
}

function failuresOf({ second }: Retried, { root }: RunFacts): string[] {
  return second.flatMap(({ plan: { files, seed }, failures }) =>
    failures.map(({ file, line, name, error }) => {
      // Tests of a contract are declared in another file than the one that runs them.
      const own = files.includes(file) ? '' : `${files.map((each) => relative(root, each)).join(', ')}, `;
      const place = `${own}${relative(root, file)}:${line}`;
      return `FAILED ${place} ${name}: ${firstLine(causeOf(error))} (MILLRACE_SEED=${seed})`;
    }),
  );
}

/** Node's own lines. What passed at its second try counts as passed. */
function summary({ outcomes, flaky }: RunResult, { durationMs }: RunFacts): string[] {
  const total: Counts = { tests: 0, suites: 0, passed: 0, failed: 0, cancelled: 0, skipped: 0, todo: 0 };
  const isFlaky = new Set(flaky.map(({ first }) => first));
  for (const outcome of outcomes) {
    const { counts } = outcome;
    for (const name of Object.keys(total) as (keyof Counts)[]) total[name] += counts[name];
    if (!isFlaky.has(outcome)) continue;
    total.passed += counts.failed + counts.cancelled;
    total.failed -= counts.failed;
    total.cancelled -= counts.cancelled;
  }
  const names = { ...total, pass: total.passed, fail: total.failed };
  const order = ['tests', 'suites', 'pass', 'fail', 'cancelled', 'skipped', 'todo'] as const;
  return [...order.map((name) => `ℹ ${name} ${names[name]}`), `ℹ duration_ms ${durationMs.toFixed(0)}`];
}

function named({ files, seed }: ProcessPlan, { root }: RunFacts): string {
  return `${files.map((file) => relative(root, file)).join(', ')} (MILLRACE_SEED=${seed})`;
}

function causeOf(error: Error): unknown {
  return error.cause instanceof Error ? error.cause : error;
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0] ?? '';
}
