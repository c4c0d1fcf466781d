/** What is wanted, as runs. */
import { type Model, type ModelConfig, modelNamed, retrievalModelOf } from '#models';
import { readRegistry } from '#offline';
import { InputError } from '#platform';
import { versionInForce } from '#processors';
import type { Command, Run, RunPipeline, RunTrigger, Version } from '#schemas';
import { defaultTraining, type TrainerOptions } from '../trainer-options.ts';
import { newRuns } from './run.ts';

/**
 * Errors: ConfigurationError MR_MODEL_CONFIG for a model that there is none of, InputError MR_RUN_REQUEST; of a refresh
 * InputError MR_TRAINING_NO_BASE where no version is in force that could be refreshed.
 */
export async function runsOfCommand(command: Command, options: TrainerOptions): Promise<Run[]> {
  const { command_id: commandId, run: request } = command;
  if (request?.trigger != null) {
    const pipeline = request.pipeline ?? 'training';
    const base = pipeline === 'refresh' ? await refreshableVersion(options) : undefined;
    if (pipeline === 'refresh' && base === undefined) throw nothingToRefresh();
    return unasked({ pipeline, trigger: request.trigger, base }, options, { commandId });
  }
  return requestedRuns(command, options);
}

function requestedRuns({ command_id, seed, force, run: request }: Command, options: TrainerOptions): Run[] {
  const { training = defaultTraining, clock } = options;
  const models = request === null || request.models.length === 0 ? training.models : request.models;
  const search = request?.search ?? null;
  const changes = parsed(request?.config ?? '{}');
  return newRuns({
    pipeline: search === null ? 'training' : 'search',
    trigger: 'command',
    models: models.map((name) => modelNamed(name).name),
    seed: seed ?? options.seed,
    now: clock.now(),
    commandId: command_id,
    force,
    snapshotId: request?.snapshot_id ?? null,
    configOf: (model) => configText(options, modelNamed(model), changes),
    search,
  });
}

export function runsOfSnapshot(snapshotId: string, options: TrainerOptions): Run[] {
  return unasked({ pipeline: 'training', trigger: 'snapshot', base: undefined }, options, { snapshotId });
}

/** The version in force, where its model can go on from it. */
export async function refreshableVersion(
  options: Pick<TrainerOptions, 'log' | 'topics'>,
): Promise<Version | undefined> {
  const inForce = versionInForce(await readRegistry(options), 'retrieval');
  const canGoOn = inForce !== undefined && retrievalModelOf(inForce.candidate.model)?.refresh !== undefined;
  return canGoOn ? inForce : undefined;
}

/** Runs that no person asked for. */
type Unasked = {
  readonly pipeline: RunPipeline;
  readonly trigger: RunTrigger;
  /** The version that a refresh begins with. */
  readonly base: Version | undefined;
};

/** A refresh is of the model in force, with the configuration that the model has for it. */
function unasked(
  { pipeline, trigger, base }: Unasked,
  options: TrainerOptions,
  more: { readonly snapshotId?: string; readonly commandId?: string },
): Run[] {
  const { training = defaultTraining, clock, seed } = options;
  const configOf = (name: string) => {
    return configText(options, modelNamed(name), (base && retrievalModelOf(name)?.refresh?.config) ?? {});
  };
  return newRuns({
    pipeline,
    trigger,
    models:
      base === undefined
        ? [...training.models, ...training.rankers, ...training.similar]
        : [base.candidate.model],
    seed,
    now: clock.now(),
    configOf,
    base: base?.version ?? null,
    ...more,
  });
}

function nothingToRefresh(): InputError {
  return new InputError('MR_TRAINING_NO_BASE', 'No version is in force that a refresh could go on from.', {
    hint: 'Train from scratch: millrace train',
  });
}

/** The part of the trainer's configuration that the model knows; names sorted, so that equal configurations are equal texts. */
function configText(
  { config = {}, configOf = {} }: TrainerOptions,
  { name: model, parameters }: Model,
  changes: ModelConfig,
): string {
  const own = Object.fromEntries(Object.entries(config).filter(([name]) => Object.hasOwn(parameters, name)));
  const merged = Object.entries({ ...own, ...configOf[model], ...changes }).toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  );
  return JSON.stringify(Object.fromEntries(merged));
}

function parsed(text: string): ModelConfig {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    config = undefined;
  }
  if (typeof config === 'object' && config !== null && !Array.isArray(config)) return { ...config };
  throw new InputError('MR_RUN_REQUEST', `The configuration requested for a run is not an object: ${text}`, {
    hint: 'Write names and values as JSON, such as {"dim": 32}.',
  });
}
