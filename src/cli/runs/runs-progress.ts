/** The curves of runs, as the log has them. */

import { readableRecords } from '#engine';
import type { RunProgress } from '#schemas';
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
