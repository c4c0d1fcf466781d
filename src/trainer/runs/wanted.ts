/** What is wanted, as runs. */
import { type Model, type ModelConfig, modelNamed, retrievalModelOf } from '#models';
import { InputError } from '#platform';
import type { Command, Run } from '#schemas';
import { defaultTraining, type TrainerOptions } from '../trainer-options.ts';
import type { Due } from '../triggers/triggers.ts';
import { newRuns } from './run.ts';

/** Errors: ConfigurationError MR_MODEL_CONFIG for a model that there is none of, InputError MR_RUN_REQUEST. */
export function runsOfCommand(
  { command_id, seed, force, run: request }: Command,
  options: TrainerOptions,
): Run[] {
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
  return unasked({ pipeline: 'training', trigger: 'snapshot' }, options, { snapshotId });
}

export function runsOfTrigger(due: Due, options: TrainerOptions): Run[] {
  return unasked(due, options, {});
}

/** A refresh is of the model in force, with the configuration that the model has for it. */
function unasked(
  { pipeline, trigger, base }: Due,
  options: TrainerOptions,
  more: { readonly snapshotId?: string },
): Run[] {
  const { training = defaultTraining, clock, seed } = options;
  const configOf = (name: string) => {
    return configText(options, modelNamed(name), (base && retrievalModelOf(name)?.refresh?.config) ?? {});
  };
  return newRuns({
    pipeline,
    trigger,
    models: base === undefined ? [...training.models, ...training.rankers] : [base.candidate.model],
    seed,
    now: clock.now(),
    configOf,
    base: base?.version ?? null,
    ...more,
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
