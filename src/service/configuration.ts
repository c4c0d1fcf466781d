/** The options of a process of Millrace: those that the rooms declare, put together. */
import { resolve } from 'node:path';
import { GATEWAY_OPTIONS } from '#gateway/options';
import { modelOptions } from '#models';
import { NOTIFICATIONS_OPTIONS } from '#notifications/options';
import { OFFLINE_OPTIONS } from '#offline/options';
import { ConfigurationError } from '#platform';
import {
  type ConfigurationOption,
  type ConfigurationSources,
  listOptions,
  type OptionValues,
  readOption,
  readOptions,
} from '#platform/configuration';
import { PROCESSING_OPTIONS } from '#processing/options';
import { RESPONDERS_OPTIONS } from '#responders/options';
import { SIMULATOR_OPTIONS } from '#simulator/options';
import { TRAINER_OPTIONS } from '#trainer/options';

const OPTIONS = {
  ...PROCESSING_OPTIONS,
  ...GATEWAY_OPTIONS,
  ...RESPONDERS_OPTIONS,
  ...OFFLINE_OPTIONS,
  ...TRAINER_OPTIONS,
  ...NOTIFICATIONS_OPTIONS,
  ...SIMULATOR_OPTIONS,
};

/** The models of modules declare options as well, once these are loaded. */
const declaration = () => ({
  options: OPTIONS,
  declared: modelOptions(),
  switches: { simulation: 'simulation.world' },
});

/** All options with their values. `data` is an absolute path. */
export type Configuration = OptionValues<typeof OPTIONS>;

/** Every option, for the generated page. */
export function allOptions(): readonly ConfigurationOption[] {
  return listOptions(declaration());
}

/** Errors: as readOptions; MR_CONFIG_CONTRADICTION for values that do not go together. */
export function loadConfiguration(sources: ConfigurationSources): Configuration {
  const values = readOptions(declaration(), sources);
  const configuration = { ...values, data: resolve(sources.directory, values.data) };
  refuseContradictions(configuration);
  return configuration;
}

/** The modules with models of the user's own, which are loaded before all options are known. Errors: as readOptions. */
export function configuredModelModules(sources: ConfigurationSources): readonly string[] {
  return readOption('training.modelModules', declaration(), sources) as readonly string[];
}

/** Errors: MR_CONFIG_CONTRADICTION for values that do not go together. */
export function refuseContradictions({ log, registry, notifications }: Configuration): void {
  const { url, format, secret } = notifications;
  if (url !== undefined && format === 'json' && secret === undefined) {
    throw new ConfigurationError(
      'MR_CONFIG_CONTRADICTION',
      'notifications.url is set without notifications.secret: receivers could not tell whether a notification is ours.',
      { hint: 'Set notifications.secret (MILLRACE_NOTIFICATIONS_SECRET), or notifications.format to slack.' },
    );
  }
  if (log === 'embedded' || registry !== 'embedded') return;
  throw new ConfigurationError(
    'MR_CONFIG_CONTRADICTION',
    'The log is on Kafka, but the schema registry is the embedded one, which other machines cannot reach.',
    { hint: 'Set registry to a registry with Confluent’s API, such as http://127.0.0.1:8081.' },
  );
}
