/** What the last verification of a data directory has found: for the metrics of the process that runs on it. */
import { join } from 'node:path';
import type { Clock, Metrics } from '#platform';
import { readRecordFile, writeRecordFile } from '../record-file.ts';
import type { Finding } from './finding.ts';

type Outcome = {
  /** Wall-clock time, ms. */
  readonly at: number;
  readonly results: readonly Pick<Finding, 'task' | 'result'>[];
};

const FILE_NAME = 'verified.json';
const LOOK_EVERY_MS = 15_000;

/** A sample replaces what was known of the tasks and files that it has looked at. */
export function noteOutcome(directory: string, findings: readonly Finding[], at: number): void {
  const path = join(directory, FILE_NAME);
  const known = new Map(readRecordFile<Outcome>(path)?.results.map((each) => [each.task, each]));
  for (const { task, result } of findings) known.set(task, { task, result });
  writeRecordFile(path, { at, results: [...known.values()] } satisfies Outcome);
}

/** Shows the outcome, as it is now and after each later verification, until `signal` aborts. */
export async function showOutcome(
  directory: string,
  {
    clock,
    metrics,
    signal,
  }: { readonly clock: Clock; readonly metrics: Metrics; readonly signal: AbortSignal },
): Promise<void> {
  const different = metrics.gauge(
    'verify_different',
    '1 for each task, or kind of files, that the last verification found to differ from what it is derived from.',
    ['what'],
  );
  const at = metrics.gauge('verified_at_ms', 'When the last verification ended, ms since 1970; 0: never.');
  at.set(0);
  while (!signal.aborted) {
    const outcome = readRecordFile<Outcome>(join(directory, FILE_NAME));
    at.set(outcome?.at ?? 0);
    for (const { task, result } of outcome?.results ?? [])
      different.set({ what: task }, result === 'different' ? 1 : 0);
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}
