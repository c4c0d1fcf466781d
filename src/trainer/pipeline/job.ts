import { runGraph, type Step, type StepEvent } from '#jobs';
import { modelNamed } from '#models';
import { takeSnapshot } from '#offline';
import { errorCode, invariant } from '#platform';
import type { Run, Snapshot, VersionRole } from '#schemas';
import { cancelledRun, isFault, overdueRun, suspectSnapshot } from '../refusals.ts';
import type { Beside, RunLedger } from '../runs/ledger.ts';
import { atStep, ended, inOneLine, isOver, isTwin, type RunStepName, runError } from '../runs/run.ts';
import type { InForce } from '../thread/version-training.ts';
import { defaultPlan, defaultTraining, requestedOptions, type TrainerOptions } from '../trainer-options.ts';
import { RunWork, readInForce, snapshotOf } from './run-work.ts';

/** What a step hands to whoever records its end. */
export type StepResult = {
  readonly change?: (run: Run) => Run;
  readonly beside?: Beside;
  /** Why the run is over by this. */
  readonly over?: { readonly status: 'succeeded' } | { readonly status: 'skipped'; readonly error: unknown };
};

/** A step of a job, with the runs that it belongs to. */
type JobStep = Step<StepResult> & { readonly kind: RunStepName; readonly runs: readonly string[] };

export type JobContext = {
  readonly options: TrainerOptions;
  readonly ledger: RunLedger;
  /** Ends the job: its runs stay as they are, for whoever goes on with them. */
  readonly signal: AbortSignal;
  /** Told why a run did not succeed, before it is recorded. */
  readonly onError: (runId: string, error: unknown) => void;
};

const BACKOFF = { firstMs: 1_000, longestMs: 60_000 };

/**
 * Executes runs that were requested together: one snapshot, then each model by itself, side by side.
 *
 *   snapshot -> train one model     -> evaluate -> publish
 *            -> train another model -> evaluate -> publish
 *
 * What was done before by a process that has ended is not done again: a snapshot that was announced is taken as it is, a
 * training goes on from its checkpoint.
 */
export class Job {
  readonly #context: JobContext;
  readonly runIds: readonly string[];
  readonly #stops = new Map<string, AbortController>();
  readonly #works = new Map<string, RunWork>();
  /** Aborted where the curves can't be written. */
  readonly #faulty = new AbortController();
  #snapshot: Snapshot | undefined;
  /**
   * By role, one for all its models, also where the first of them has been promoted meanwhile: so they can be told from
   * each other.
   */
  readonly #inForce = new Map<VersionRole, Promise<InForce | undefined>>();

  constructor(runs: readonly Run[], context: JobContext) {
    this.#context = context;
    this.runIds = runs.map(({ run_id }) => run_id);
    const { options, ledger, signal } = context;
    for (const { run_id: id, model } of runs) {
      const stop = new AbortController();
      this.#stops.set(id, stop);
      const work = new RunWork({
        options,
        label: runs.length === 1 ? 'Training' : `Training ${model}`,
        signal: AbortSignal.any([signal, stop.signal]),
        run: () => this.#run(id),
        onCurve: (progress) => {
          ledger.add([], { progress }).catch((error: unknown) => this.#faulty.abort(error));
        },
        inForce: () => {
          const { role } = modelNamed(model);
          const known = this.#inForce.get(role) ?? readInForce(options, role);
          this.#inForce.set(role, known);
          return known;
        },
      });
      this.#works.set(id, work);
    }
  }

  /** Ends one of its runs, which the ledger has ended already. */
  cancel(runId: string, why: string): void {
    this.#stops.get(runId)?.abort(cancelledRun(why));
  }

  /** Resolves when all runs are over. Rejects with the context's signal's reason, and where the log fails. */
  async work(): Promise<void> {
    const { options, signal } = this.#context;
    const { clock, training = defaultTraining } = options;
    const { retries, deadlineMs } = training;
    const done = new AbortController();
    void clock.sleep(deadlineMs, done.signal).then(() => {
      if (!done.signal.aborted) for (const stop of this.#stops.values()) stop.abort(overdueRun(deadlineMs));
    });
    try {
      await runGraph<StepResult>(this.#steps(), {
        clock,
        retry: { ...BACKOFF, retries },
        signal: AbortSignal.any([signal, this.#faulty.signal]),
        isFault,
        isLasting: (error) => errorCode(error) === 'MR_SNAPSHOT_EMPTY',
        record: (step, event) => this.#record(step as JobStep, event),
      });
    } finally {
      done.abort();
      await Promise.all([...this.#works.values()].map((work) => work.close()));
    }
  }

  #steps(): JobStep[] {
    const steps = [this.#step('snapshot', this.runIds, [], { work: () => this.#takeSnapshot() })];
    const taken = () => {
      invariant(this.#snapshot !== undefined, 'the snapshot comes before the training');
      return this.#snapshot;
    };
    for (const [id, work] of this.#works) {
      steps.push(
        this.#step('train', [id], ['snapshot'], {
          unless: async () => this.#whyNot(this.#run(id), taken()),
          work: () => work.train(taken()),
        }),
        this.#step('evaluate', [id], [`train ${id}`], { work: () => work.evaluate(taken()) }),
      );
      if (this.#run(id).pipeline === 'search') continue;
      steps.push(this.#step('publish', [id], [`evaluate ${id}`], { work: () => work.publish(taken()) }));
    }
    return steps;
  }

  /** Steps of several runs end by themselves only. */
  #step(
    kind: RunStepName,
    runs: readonly string[],
    after: readonly string[],
    what: Pick<Step<StepResult>, 'work' | 'unless'>,
  ): JobStep {
    const id = runs[0] as string;
    const attemptsBefore = this.#run(id).steps.find(({ name }) => name === kind)?.attempts ?? 0;
    const stop = runs.length === 1 ? this.#stops.get(id) : undefined;
    const { signal } = stop ?? new AbortController();
    const name = kind === 'snapshot' ? kind : `${kind} ${id}`;
    return { kind, runs, name, after, signal, attemptsBefore, ...what };
  }

  async #takeSnapshot(): Promise<StepResult> {
    const { options } = this.#context;
    const { snapshot_id: given, command_id } = this.#run(this.runIds[0] as string);
    if (given !== null) {
      this.#snapshot = await snapshotOf(options, given);
      return {};
    }
    const snapshot = await takeSnapshot({
      ...options,
      ...requestedOptions(options.snapshots ?? defaultPlan, null),
      ...(command_id !== null && { commandId: command_id }),
    });
    this.#snapshot = snapshot;
    const { snapshot_id } = snapshot;
    return { change: (run) => ({ ...run, snapshot_id }), beside: { snapshots: [snapshot] } };
  }

  /** What speaks against training on the snapshot: it is suspect, or another run has come to what this one would. */
  #whyNot(run: Run, snapshot: Snapshot): StepResult | undefined {
    if (snapshot.suspect.length > 0 && !run.force) {
      return { over: { status: 'skipped', error: suspectSnapshot(snapshot) } };
    }
    if (run.pipeline === 'search') return undefined;
    const twin = this.#context.ledger.runs.findLast(
      (other) => other.run_id !== run.run_id && other.status === 'succeeded' && isTwin(other, run),
    );
    if (twin === undefined) return undefined;
    const { version, metrics, intervals, sizes } = twin;
    return {
      over: { status: 'succeeded' },
      change: (each) => ({ ...each, version, metrics, intervals, sizes }),
    };
  }

  async #record({ kind: name, runs }: JobStep, event: StepEvent<StepResult>): Promise<void> {
    const { ledger, options } = this.#context;
    const { clock, logger } = options;
    const now = clock.now();
    if (event.kind === 'started') {
      await ledger.change(runs, (run) => {
        const begun: Run = { ...run, status: 'running', started: run.started ?? now };
        return atStep(begun, name, { status: 'running', attempts: event.attempt, started: now, ended: null });
      });
    } else if (event.kind === 'succeeded') {
      const { change = same, beside } = event.result;
      await ledger.change(
        runs,
        (run) => {
          const done = atStep(change(run), name, { status: 'succeeded', ended: now, error: null });
          return name === done.steps.at(-1)?.name ? ended(done, 'succeeded', now) : done;
        },
        beside,
      );
    } else if (event.kind === 'retrying') {
      const { error, inMs } = event;
      logger.warn({ runs, step: name, err: error, inMs }, 'a step of a run is retried');
      await ledger.change(runs, (run) =>
        atStep(run, name, { status: 'waiting', error: inOneLine(runError(error)) }),
      );
    } else if (event.kind === 'failed') {
      await this.#end(runs, name, { status: statusOf(event.error), error: event.error });
    } else if (event.reason?.over !== undefined) {
      await this.#end(runs, name, { error: undefined, ...event.reason.over }, event.reason.change);
    }
    for (const id of runs) if (isOver(this.#run(id))) await this.#works.get(id)?.tidy();
  }

  /** Ends runs at a step for which there is nothing to be done, or which has failed. */
  async #end(
    runs: readonly string[],
    name: RunStepName,
    { status, error }: { readonly status: Run['status']; readonly error: unknown },
    change = same,
  ): Promise<void> {
    const { ledger, options, onError } = this.#context;
    const now = options.clock.now();
    const known = error === undefined ? null : runError(error);
    if (status === 'failed') options.logger.error({ runs, step: name, err: error }, 'a run has failed');
    if (known !== null) for (const id of runs) onError(id, error);
    await ledger.change(runs, (run) => {
      const at = status === 'succeeded' ? 'skipped' : status;
      const over = atStep(change(run), name, { status: at, ended: now, error: known && inOneLine(known) });
      return ended(over, status, now, known);
    });
  }

  #run(id: string): Run {
    const run = this.#context.ledger.run(id);
    invariant(run !== undefined, `run ${id} is on record`);
    return run;
  }
}

const same = (run: Run) => run;

const NOTHING_TO_DO: readonly (string | undefined)[] = [
  'MR_SNAPSHOT_EMPTY',
  'MR_TRAINING_NOTHING_NEW',
  'MR_TRAINING_NO_LISTS',
];

function statusOf(error: unknown): Run['status'] {
  const code = errorCode(error);
  if (code === 'MR_RUN_CANCELLED') return 'cancelled';
  // There is nothing wrong with a run for which there is nothing to do.
  return NOTHING_TO_DO.includes(code) ? 'skipped' : 'failed';
}
