import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelConfig } from '#models';
import { readRegistry, readSnapshots, readVersions } from '#offline';
import { InputError, invariant, type ProgressStep } from '#platform';
import { versionInForce } from '#processors';
import {
  type Candidate,
  commandOf,
  type Run,
  type RunProgress,
  type Snapshot,
  type VersionRole,
} from '#schemas';
import type { VersionTraining } from '../lesson.ts';
import { abandonedRun, refuseWithdrawn, retiredSnapshot } from '../refusals.ts';
import { CurveRecorder } from '../runs/curve-recorder.ts';
import { viewsIn } from '../snapshot-checks.ts';
import { directoryOfRun, removeFilesOfRun } from '../thread/checkpoint-files.ts';
import { RunThread } from '../thread/run-thread.ts';
import type { InForce } from '../thread/version-training.ts';
import { defaultTraining, type TrainerOptions } from '../trainer-options.ts';
import type { StepResult } from './job.ts';

export type RunWorkOptions = {
  readonly options: TrainerOptions;
  /** Over the progress bar. */
  readonly label: string;
  /** Gives up what is under way. */
  readonly signal: AbortSignal;
  /** As it stands. */
  readonly run: () => Run;
  readonly onCurve: (points: readonly RunProgress[]) => void;
  /** What it is compared with. */
  readonly inForce: () => Promise<InForce | undefined>;
};

/** Begun by this many processes without an end, a run is what ends them. */
const MOST_ATTEMPTS = 10;

/** The steps of one run behind its snapshot. A thread of its own keeps data and weights from one to the next. */
export class RunWork {
  readonly #with: RunWorkOptions;
  #thread: RunThread | undefined;
  #bar: ProgressStep | undefined;
  #candidate: Candidate | undefined;

  constructor(options: RunWorkOptions) {
    this.#with = options;
  }

  async train(snapshot: Snapshot): Promise<StepResult> {
    const { run, options, onCurve, signal } = this.#with;
    const { run_id: id, steps } = run();
    const attempts = steps.find(({ name }) => name === 'train')?.attempts ?? 0;
    if (attempts > MOST_ATTEMPTS) throw abandonedRun(attempts - 1);
    const curve = new CurveRecorder(id, options.clock, onCurve);
    await this.#thread?.close();
    this.#thread = new RunThread(await this.#training(snapshot), {
      signal,
      onProgress: (progress) => {
        curve.update(progress);
        this.#bar ??= options.progress?.start(this.#with.label, progress.steps);
        this.#bar?.update(progress.step, `loss ${progress.loss.toFixed(3)}`);
      },
      onEpoch: (epoch, step, values) => curve.epoch(epoch, step, values),
    });
    const { provider, fallbackReason } = await this.#thread.train().finally(() => curve.flush());
    if (fallbackReason !== undefined) {
      options.logger.warn(
        { run: id, provider, reason: fallbackReason },
        'a provider did not start, so that another one trained: see MODELS.md, Training',
      );
    }
    return {};
  }

  async evaluate(snapshot: Snapshot): Promise<StepResult> {
    const { options, run } = this.#with;
    // One that has died meanwhile is followed by another, which goes on from the last checkpoint.
    if (this.#thread === undefined || this.#thread.hasEnded) await this.train(snapshot);
    invariant(this.#thread !== undefined, 'a training has a thread');
    const inForce = await this.#with.inForce();
    if (inForce !== undefined) await options.files?.bring(inForce.directory);
    const { candidate } = await this.#thread.evaluate(inForce);
    await this.#thread.close();
    const { metrics, intervals, sizes } = candidate;
    this.#bar?.done(`ndcg@10 ${metrics['ndcg@10']?.toFixed(3)}`);
    options.logger.info({ run: run().run_id, version: candidate.version, metrics }, 'a model is trained');
    this.#candidate = { ...candidate, run_id: run().run_id };
    const version = candidate.version === '' ? null : candidate.version;
    // Before anybody hears of it.
    if (version !== null) await options.files?.publish(candidate.directory);
    return { change: (each) => ({ ...each, metrics, intervals, sizes, version }) };
  }

  async publish(snapshot: Snapshot): Promise<StepResult> {
    const { options } = this.#with;
    const candidate = this.#candidate;
    invariant(candidate !== undefined, 'what is published is judged before');
    await refuseWithdrawn(options, snapshot, candidate, this.#with.run().base);
    const command_id = `publish-${candidate.version}`;
    return {
      beside: {
        commands: [commandOf({ command_id, ts: options.clock.now(), kind: 'publish', candidate })],
      },
    };
  }

  /** Resolves when its thread has ended. */
  async close(): Promise<void> {
    await this.#thread?.close();
  }

  /** When the run is over: its checkpoints are of no use any more. */
  async tidy(): Promise<void> {
    await this.close();
    const { options, run } = this.#with;
    await removeFilesOfRun(options.dataDirectory, run().run_id);
  }

  async #training(snapshot: Snapshot): Promise<VersionTraining> {
    const { dataDirectory, files, training = defaultTraining, execution, modules } = this.#with.options;
    await files?.bring(snapshot.directory);
    const { patience, checkpointSteps } = training;
    const run = this.#with.run();
    const base = run.base === null ? undefined : await this.#base(run.base);
    return {
      snapshot,
      dataDirectory,
      seed: run.seed,
      model: run.model,
      config: JSON.parse(run.config) as ModelConfig,
      modules: viewsIn(snapshot, modules),
      ...(execution && { execution }),
      judgedBy: run.pipeline === 'search' ? 'validation' : patience > 0 ? 'validated' : 'test',
      patience,
      checkpoints: { directory: directoryOfRun(dataDirectory, run.run_id), everySteps: checkpointSteps },
      ...(base && { base }),
    };
  }

  async #base(version: string): Promise<NonNullable<VersionTraining['base']>> {
    const { options } = this.#with;
    const { candidate } =
      (await readVersions(options)).find((each) => each.version === version) ?? missingBase(version);
    const learned = await snapshotOf(options, candidate.snapshot_id);
    const { dataDirectory, files } = options;
    await files?.bring(candidate.directory);
    await files?.bring(learned.directory);
    if (!existsSync(join(dataDirectory, learned.directory))) throw retiredSnapshot(learned.snapshot_id);
    return { version, versionDirectory: candidate.directory, snapshotDirectory: learned.directory };
  }
}

/** The version in force of a role. */
export async function readInForce(options: TrainerOptions, role: VersionRole): Promise<InForce | undefined> {
  const inForce = versionInForce(await readRegistry(options), role);
  if (inForce === undefined) return undefined;
  const { version, candidate } = inForce;
  return { version, directory: candidate.directory };
}

/** Errors: InputError MR_SNAPSHOT_RETIRED. */
export async function snapshotOf(options: TrainerOptions, id: string): Promise<Snapshot> {
  const known = (await readSnapshots(options)).find(({ snapshot_id }) => snapshot_id === id);
  if (known !== undefined) return known;
  throw retiredSnapshot(id);
}

function missingBase(version: string): never {
  throw new InputError('MR_TRAINING_NO_BASE', `There is no version ${version} to start from.`, {
    hint: 'Train from scratch: millrace train',
  });
}
