/** The trainer of an installation, as the configuration wants it. */

import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { AnyView } from '#features';
import { type Execution, type ModelConfig, modelSettings, requireEncoderFiles } from '#models';
import { exampleModules } from '#offline';
import { type Progress, type Shutdown, systemClock } from '#platform';
import { viewsOfModules } from '#processing';
import { Trainer } from '#trainer';
import type { Configuration } from './configuration.ts';
import type { Installation } from './installation.ts';
import { runUntilShutdown } from './interruption.ts';
import { snapshotPlan, trainingPlan, waitingOptions } from './training-plans.ts';

/**
 * Starts a trainer, which carries out runs until `shutdown`; one that is not alone in its process leaves a core to the
 * rest. `failed` rejects when it ends before. Errors: those of snapshotModules.
 */
export async function startTrainer(
  { log, topics, registry, configuration, files, instanceId, logger }: Installation,
  progress: Progress | undefined,
  shutdown: Shutdown,
  { isAlone = false }: { readonly isAlone?: boolean } = {},
): Promise<{ readonly trainer: Trainer; readonly failed: Promise<never> }> {
  const { seed, epochs, dimension, textEncoder } = configuration.training;
  const modules = await snapshotModules(configuration);
  const trainer = new Trainer({
    log,
    topics,
    dataDirectory: configuration.data,
    files,
    clock: systemClock,
    logger,
    ...(progress && { progress }),
    seed,
    configOf: configOf(configuration),
    config: {
      dim: dimension,
      ...(epochs !== undefined && { epochs }),
      ...(textEncoder !== undefined && { textEncoder: resolve(textEncoder) }),
    },
    execution: execution(configuration, isAlone ? 0 : 1),
    snapshots: snapshotPlan(configuration),
    training: trainingPlan(configuration),
    modules,
    waiting: waitingOptions({ configuration, registry }),
    instanceId,
  });
  return { trainer, ...runUntilShutdown('trainer', shutdown, (signal) => trainer.run(signal)) };
}

/** What a training would find missing minutes later. Errors: ConfigurationError MR_TEXT_ENCODER_MISSING. */
export async function requireTrainingFiles(configuration: Configuration): Promise<void> {
  const { roles, training } = configuration;
  if (!roles.includes('trainer')) return;
  const ofModels = Object.values(configOf(configuration)).map(({ textEncoder }) => textEncoder);
  for (const path of [training.textEncoder, ...ofModels]) {
    if (typeof path === 'string') await requireEncoderFiles(resolve(path));
  }
}

/** Parameters of single models; a file of a text encoder counts from the working directory. */
function configOf({ declared }: Configuration): Readonly<Record<string, ModelConfig>> {
  const settings = Object.entries(modelSettings(declared).configOf);
  return Object.fromEntries(
    settings.map(([model, { textEncoder, ...config }]) => {
      if (typeof textEncoder !== 'string') return [model, config];
      return [model, { ...config, textEncoder: resolve(textEncoder) }];
    }),
  );
}

/** Where models are trained, as the configuration says; by itself it leaves `freeCores` to what else this process does. */
function execution({ training }: Configuration, freeCores: number): Execution {
  const { provider, threads = Math.max(1, availableParallelism() - freeCores) } = training;
  return { provider, threads };
}

/** The views of modules whose rows snapshots have. Errors: those of viewsOfModules and exampleModules. */
export async function snapshotModules({ features }: Configuration): Promise<readonly AnyView[]> {
  return exampleModules(await viewsOfModules(features.modules));
}
