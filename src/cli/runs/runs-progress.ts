/** What is known of runs and their curves. */

import { readableRecords } from '#engine';
import { InputError } from '#platform';
import type { Run, RunProgress } from '#schemas';
import type { Installation } from '#service';

/** The newest point of each run. */
export async function newestPoints(installation: Installation): Promise<ReadonlyMap<string, RunProgress>> {
  const newest = new Map<string, RunProgress>();
  for (const point of await allPoints(installation)) newest.set(point.run_id, point);
  return newest;
}

/** Those of one run in the order of its updates; of an update that was done again after a crash, the last one. */
export async function pointsOf(installation: Installation, runId: string): Promise<readonly RunProgress[]> {
  const points = new Map<string, RunProgress>();
  for (const point of await allPoints(installation)) {
    if (point.run_id !== runId) continue;
    points.set(`${point.at_step} ${Object.keys(point.values).sort().join()}`, point);
  }
  return [...points.values()].sort((a, b) => a.at_step - b.at_step);
}

async function allPoints({ log, topics }: Installation): Promise<readonly RunProgress[]> {
  const points: RunProgress[] = [];
  for await (const records of readableRecords(log, topics['run-progress'])) {
    for (const { value } of records) if (value !== null) points.push(value);
  }
  return points;
}

/** How far a run is, and how long it may still take at the pace of its training. */
export function stepUnderWay({ step, steps }: Run, point: RunProgress | undefined, now: number): string {
  const begun = steps.find(({ name }) => name === step)?.started;
  if (step !== 'train' || point === undefined || begun == null || point.ts < begun) return step ?? '';
  const share = point.at_step / point.of_steps;
  const leftMs = share > 0 ? ((now - begun) * (1 - share)) / share : 0;
  return `train ${Math.floor(100 * share)}%, ${Math.ceil(leftMs / 1000)} s left`;
}

/** Working time, excluding queueing. */
export function tookOf({ started, ended }: Run, now: number): string {
  if (started === null) return '';
  return `${(((ended ?? now) - started) / 1000).toFixed(1)} s`;
}

/** The run whose id begins so. Errors: InputError MR_RUN_UNKNOWN, MR_RUN_AMBIGUOUS. */
export function runNamed(runs: readonly Run[], name: string): Run {
  const found = runs.filter(({ run_id }) => run_id.startsWith(name));
  if (found.length === 1) return found[0] as Run;
  const hint = 'See the ids with: millrace runs';
  if (found.length === 0) throw new InputError('MR_RUN_UNKNOWN', `There is no run ${name}.`, { hint });
  const ids = found.map(({ run_id }) => run_id).join(', ');
  throw new InputError('MR_RUN_AMBIGUOUS', `Several runs begin with ${name}: ${ids}.`, { hint });
}
