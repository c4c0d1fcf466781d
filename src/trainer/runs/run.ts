import { randomUUID } from 'node:crypto';
import { errorCode, MillraceError } from '#platform';
import type { Run, RunError, RunPipeline, RunStep, RunTrigger } from '#schemas';

/** The steps of a run, in their order; a trial of a search is not published. */
const runSteps = ['snapshot', 'train', 'evaluate', 'publish'] as const;
export type RunStepName = (typeof runSteps)[number];

export type NewRun = {
  readonly pipeline: RunPipeline;
  readonly trigger: RunTrigger;
  readonly models: readonly string[];
  readonly seed: number;
  readonly now: number;
  readonly commandId?: string;
  readonly force?: boolean;
  readonly snapshotId?: string | null;
  readonly base?: string | null;
  /** What differs from the model's defaults, as JSON. */
  readonly configOf: (model: string) => string;
  readonly search?: string | null;
};

/** A run for each model, which share their snapshot. */
export function newRuns(wanted: NewRun): Run[] {
  const { pipeline, trigger, models, seed, now, configOf } = wanted;
  const { commandId = null, force = false, snapshotId = null, base = null, search = null } = wanted;
  const ids = models.map(() => randomUUID().slice(0, 8));
  const names = pipeline === 'search' ? runSteps.slice(0, -1) : runSteps;
  return models.map((model, i) => ({
    run_id: ids[i] as string,
    ts: now,
    job_id: ids[0] as string,
    pipeline,
    trigger,
    command_id: commandId,
    search,
    model,
    seed,
    config: configOf(model),
    force,
    snapshot_id: snapshotId,
    base,
    status: 'waiting',
    step: null,
    steps: names.map((name) => {
      return { name, status: 'waiting', attempts: 0, started: null, ended: null, error: null };
    }),
    created: now,
    started: null,
    ended: null,
    metrics: {},
    intervals: {},
    sizes: {},
    version: null,
    error: null,
  }));
}

export function isOver({ status }: Run): boolean {
  return status !== 'waiting' && status !== 'running';
}

/** With one of its steps changed, which it is at then. */
export function atStep(run: Run, name: string, change: Partial<RunStep>): Run {
  const steps = run.steps.map((step) => (step.name === name ? { ...step, ...change } : step));
  return { ...run, step: name, steps };
}

/** Over, with what was under way ended as the run itself. */
export function ended(run: Run, status: Run['status'], now: number, error: RunError | null = null): Run {
  const steps = run.steps.map((step): RunStep => {
    if (step.status === 'running') return { ...step, status, ended: now };
    return step.status === 'waiting' ? { ...step, status: 'skipped' } : step;
  });
  return { ...run, status, steps, ended: now, error };
}

/** What became of a thrown value, as a run keeps it. */
export function runError(error: unknown): RunError {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof MillraceError ? (error.hint ?? null) : null;
  return { code: errorCode(error) ?? 'MR_TRAINING_FAILED', message, hint };
}

export function inOneLine({ code, message }: RunError): string {
  return `${code}: ${message}`;
}

/** Whether two runs would come to the same version. */
export function isTwin(a: Run, b: Run): boolean {
  return (
    a.snapshot_id !== null &&
    a.snapshot_id === b.snapshot_id &&
    a.seed === b.seed &&
    a.model === b.model &&
    a.config === b.config &&
    a.pipeline === b.pipeline &&
    a.base === b.base
  );
}
