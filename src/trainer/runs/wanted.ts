/** What is wanted, as runs. */
import { InputError } from '#platform';
import type { Command, Run } from '#schemas';
import { knownParameters, type ModelConfig, type ModelName, modelNamed } from '../thread/models.ts';
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
    models: models.map(modelNamed),
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

/** `base` is the version that a refresh begins with. */
export function runsOfTrigger(due: Due, options: TrainerOptions, base: string | null): Run[] {
  return unasked(due, options, { base });
}

function unasked(
  { pipeline, trigger }: Due,
  options: TrainerOptions,
  more: { readonly snapshotId?: string; readonly base?: string | null },
): Run[] {
  const { training = defaultTraining, clock, seed } = options;
  const isRefresh = pipeline === 'refresh';
  const models = isRefresh ? (['two-tower'] as const) : training.models;
  return newRuns({
    pipeline,
    trigger,
    models,
    seed,
    now: clock.now(),
    configOf: (model) => configText(options, modelNamed(model), isRefresh ? refreshed : {}),
    ...more,
  });
}

/** Weights that have been learned are moved a little, by few examples: docs/decisions/018-refreshes.md says what was measured. */
const refreshed: ModelConfig = { epochs: 4, learningRate: 0.001 };

/** Of the trainer's configuration what the model knows; names in order, so that equal configurations are equal texts. */
function configText({ config = {} }: TrainerOptions, model: ModelName, changes: ModelConfig): string {
  const known = knownParameters(model);
  const own = Object.fromEntries(Object.entries(config).filter(([name]) => known.includes(name)));
  const merged = Object.entries({ ...own, ...changes }).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(Object.fromEntries(merged));
}

function parsed(text: string): ModelConfig {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    config = undefined;
  }
  if (typeof config === 'object' && config !== null && !Array.isArray(config)) return config;
  throw new InputError(
    'MR_RUN_REQUEST',
    `The configuration that a run was asked with is no object: ${text}`,
    {
      hint: 'Give names and values as JSON, such as {"dim": 32}.',
    },
  );
}
