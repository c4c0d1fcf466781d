/** Tries one mutant against the tests that run its line, until one fails or the time is over. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Baselines } from './baseline.ts';
import { hasRun } from './coverage.ts';
import { type Mutant, mutated } from './mutant.ts';
import { runTest, type TestRun } from './test-process.ts';

export type Verdict = {
  readonly mutant: Mutant;
  readonly outcome: 'killed' | 'survived' | 'not reached' | 'interrupted';
  /** The test that failed. */
  readonly by?: string;
  /** Tests that passed with it. */
  readonly passed: number;
  /** Tests that may run the line but were left out as the time was over. */
  readonly leftOut: number;
};

export type Surroundings = {
  readonly root: string;
  readonly baselines: Baselines;
  /** For all tests of a mutant. */
  readonly limitMs: number;
  readonly signal: AbortSignal;
};

/** A test that hangs is given this many times its own time, and never less than the least. */
const PATIENCE = 5;
const LEAST_MS = 10_000;

/** Runs of unknown tests, to see which reach the line, may take this many times what those with the mutant may. */
const SEARCH = 4;

const hook = pathToFileURL(join(import.meta.dirname, 'serve-mutant.ts')).href;

/** `tests`: nearest first. `source`: the text that the mutant is of. */
export async function judge(
  mutant: Mutant,
  source: string,
  tests: readonly string[],
  surroundings: Surroundings,
): Promise<Verdict> {
  const { limitMs, signal, baselines } = surroundings;
  const directory = mkdtempSync(join(tmpdir(), 'ms-'));
  const file = join(directory, 'mutant.ts');
  const deadline = performance.now() + limitMs;
  let passed = 0;
  let leftOut = 0;
  let baselineMs = 0;
  try {
    writeFileSync(file, mutated(source, mutant));
    for (const test of tests) {
      const before = performance.now();
      if (baselineMs > SEARCH * limitMs) {
        leftOut++;
        continue;
      }
      const { ms, coverage } = await baselines.of(test);
      baselineMs += performance.now() - before;
      if (signal.aborted) break;
      if (ms === undefined || !hasRun(coverage, mutant.path, mutant.start)) continue;
      // The runs of the code as it stands are not counted; the first test always has its try.
      if (passed > 0 && performance.now() + ms - baselineMs > deadline) {
        leftOut++;
        continue;
      }
      const isKilled = await fails(test, ms, mutant, file, surroundings);
      if (signal.aborted) break;
      if (isKilled) return { mutant, outcome: 'killed', by: test, passed, leftOut };
      passed++;
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  if (signal.aborted) return { mutant, outcome: 'interrupted', passed, leftOut };
  return { mutant, outcome: passed > 0 ? 'survived' : 'not reached', passed, leftOut };
}

async function fails(
  test: string,
  baselineMs: number,
  { path }: Mutant,
  file: string,
  { root, signal }: Surroundings,
): Promise<boolean> {
  const limitMs = Math.max(LEAST_MS, baselineMs * PATIENCE);
  const environment = {
    MILLRACE_MUTANT_MODULE: pathToFileURL(join(root, path)).href,
    MILLRACE_MUTANT_SOURCE: file,
  };
  const run: TestRun = await runTest(test, { root, limitMs, signal, environment, preload: hook });
  if (run.outcome !== 'timed out') return run.outcome === 'failed';
  // The machine may be what was slow: then the test is slow without the mutant as well.
  const control = await runTest(test, { root, limitMs, signal });
  return control.outcome === 'passed' && control.ms < limitMs / 2;
}
