/** One process of a run: the test files that share it, and what they report. */
import { join } from 'node:path';
import { run } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import { pathToFileURL } from 'node:url';

export type Failure = {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly error: Error;
};
export type Skip = { readonly name: string; readonly file: string; readonly reason: string };
export type Counts = Record<
  'tests' | 'suites' | 'passed' | 'failed' | 'cancelled' | 'skipped' | 'todo',
  number
>;

export type Outcome = {
  readonly plan: ProcessPlan;
  readonly counts: Counts;
  readonly failures: readonly Failure[];
  readonly skips: readonly Skip[];
  /** What the process wrote, both streams in the order of their arrival. */
  readonly output: string;
  readonly durationMs: number;
  /** Of the tests of each file, which is less than the process took. */
  readonly fileMs: ReadonlyMap<string, number>;
};

/** What runs in one process: absolute paths of test files, and the seed of what they draw. */
export type ProcessPlan = { readonly files: readonly string[]; readonly seed: number };

const JOINED = join(import.meta.dirname, 'joined.ts');
const PRELOADED = pathToFileURL(join(import.meta.dirname, 'preload.js')).href;

/** Arguments of Node for a process that runs tests: Math.random and fast-check draw by `seed`. */
export function nodeArguments(seed: number): string[] {
  return [`--random-seed=${seed}`, `--import=${PRELOADED}`];
}

/**
 * Runs the files in one process, one after another. It never throws for what a test does: a file that does not load, a process that
 * ends early and one that is over its limit, and is ended, are failures.
 */
export async function runProcess(
  plan: ProcessPlan,
  { limitMs, signal }: { readonly limitMs: number; readonly signal: AbortSignal },
): Promise<Outcome> {
  const { files, seed } = plan;
  const started = performance.now();
  const over = new AbortController();
  const limit = setTimeout(() => over.abort(), limitMs);
  const isJoined = files.length > 1;
  const events = run({
    files: isJoined ? [JOINED] : [...files],
    argv: isJoined ? [...files] : [],
    execArgv: nodeArguments(seed),
    env: { ...process.env, MILLRACE_SEED: String(seed) },
    signal: AbortSignal.any([over.signal, signal]),
  });
  const failures: Failure[] = [];
  const skips: Skip[] = [];
  const fileMs = new Map<string, number>();
  let output = '';
  let counts: Counts | undefined;
  for await (const event of events as AsyncIterable<TestEvent>) {
    if (event.type === 'test:stdout' || event.type === 'test:stderr') {
      output += event.data.message;
    } else if (event.type === 'test:fail' || event.type === 'test:pass') {
      const { name, nesting, line = 0, details } = event.data;
      const file =
        event.data.file === undefined || event.data.file === JOINED ? files.join(', ') : event.data.file;
      if (nesting === 0) fileMs.set(file, (fileMs.get(file) ?? 0) + details.duration_ms);
      if (event.type === 'test:pass') {
        const { skip } = event.data;
        if (skip !== undefined) skips.push({ name, file, reason: String(skip) });
      } else if (!isOnlyOfChildren(event.data.details.error)) {
        failures.push({ name, file, line, error: event.data.details.error });
      }
    } else if (event.type === 'test:summary' && event.data.file === undefined) {
      const { tests, passed, cancelled, skipped, todo } = event.data.counts;
      // Told as well, but not declared in @types/node.
      counts = { ...event.data.counts, failed: tests - passed - cancelled - skipped - todo };
    }
  }
  clearTimeout(limit);
  if (over.signal.aborted) {
    const error = new Error(`ended after ${limitMs / 1_000} s, its limit`);
    failures.push({ name: 'the whole file', file: files.join(', '), line: 0, error });
  }
  if (counts === undefined) throw new Error('the test runner sent no summary');
  return { plan, counts, failures, skips, output, durationMs: performance.now() - started, fileMs };
}

/** A suite fails with its tests, which are named already. */
function isOnlyOfChildren(error: Error): boolean {
  return 'failureType' in error && error.failureType === 'subtestsFailed';
}
