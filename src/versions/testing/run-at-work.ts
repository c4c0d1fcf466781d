import type { Run } from '#schemas';

/** A training that is under way. */
export function runAtWork(run_id: string, snapshot_id: string): Run {
  const asked = { trigger: 'schedule', command_id: null, search: null, seed: 1, force: false } as const;
  const reached = {
    metrics: {},
    intervals: {},
    sizes: {},
    version: null,
    error: null,
    step: 'train',
    steps: [],
  };
  return {
    ...asked,
    ...reached,
    run_id,
    ts: 0,
    job_id: run_id,
    pipeline: 'training',
    model: 'two-tower',
    config: '{}',
    snapshot_id,
    base: null,
    status: 'running',
    created: 0,
    started: 0,
    ended: null,
  };
}
