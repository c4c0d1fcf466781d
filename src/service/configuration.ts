/** The options of a process of Millrace: those that the rooms declare, put together. */
import { resolve } from 'node:path';
import { ACCESS_OPTIONS, requireSoundAccess } from '#access/options';
import { BACKUP_OPTIONS } from '#backup/options';
import { GATEWAY_OPTIONS } from '#gateway/options';
import { JOBS_OPTIONS } from '#jobs/options';
import { modelOptions } from '#models';
import { NOTIFICATIONS_OPTIONS } from '#notifications/options';
import { OFFLINE_OPTIONS } from '#offline/options';
import { ConfigurationError } from '#platform';
import {
  type ConfigurationOption,
  type ConfigurationSources,
  type ExplainedOption,
  explainOptions,
  listOptions,
  type OptionValues,
  readOption,
  readOptions,
  readSecretsAgain,
  type SecretNow,
} from '#platform/configuration';
import { PROCESSING_OPTIONS } from '#processing/options';
import { REPLAYS_OPTIONS } from '#replays/options';
import { RESPONDERS_OPTIONS } from '#responders/options';
import { SIMULATOR_OPTIONS } from '#simulator/options';
import { STORAGE_OPTIONS } from '#storage/options';
import { requireKnownColumns, TRAINER_OPTIONS } from '#trainer/options';
import { ROLES_OPTIONS } from './roles/options.ts';
import { requireSoundCertificate } from './served-certificate.ts';

const OPTIONS = {
  ...ROLES_OPTIONS,
  ...PROCESSING_OPTIONS,
  ...STORAGE_OPTIONS,
  ...REPLAYS_OPTIONS,
  ...GATEWAY_OPTIONS,
  ...RESPONDERS_OPTIONS,
  ...OFFLINE_OPTIONS,
  ...TRAINER_OPTIONS,
  ...JOBS_OPTIONS,
  ...NOTIFICATIONS_OPTIONS,
  ...ACCESS_OPTIONS,
  ...BACKUP_OPTIONS,
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

/** Errors: as readOptions and refuseContradictions. */
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

/** Every option with its value and its origin, for people; secrets are neither read nor shown. Errors: as readOptions. */
export function explainConfiguration(sources: ConfigurationSources): readonly ExplainedOption[] {
  return explainOptions(declaration(), sources);
}

/** The secrets as their sources have them now. Errors: as readSecretsAgain. */
export function rereadSecrets(sources: ConfigurationSources): Promise<readonly SecretNow[]> {
  return readSecretsAgain(declaration(), sources);
}

/** The secrets of a configuration, by option; undefined ones are not set. */
export function configuredSecrets(configuration: Configuration): Readonly<Record<string, unknown>> {
  const secrets = listOptions(declaration()).filter(({ isSecret }) => isSecret);
  return Object.fromEntries(
    secrets.map(({ path }) => {
      const [section, leaf] = path.split('.') as [keyof Configuration, string?];
      const value: unknown = configuration[section];
      return [path, leaf === undefined ? value : (value as Record<string, unknown>)[leaf]];
    }),
  );
}

/** Errors: MR_CONFIG_CONTRADICTION for values that do not go together, MR_MODEL_CONFIG for columns that do not exist. */
export function refuseContradictions(configuration: Configuration): void {
  requireSoundAccess(configuration);
  requireSoundCertificate(configuration);
  requireBackupPlace(configuration);
  requireMailAddresses(configuration);
  requireKnownColumns(configuration.declared);
  const { log, registry, notifications } = configuration;
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

function requireBackupPlace({ jobs }: Configuration): void {
  if (jobs.backup === 'off' || jobs.backupPlace !== undefined) return;
  throw new ConfigurationError(
    'MR_CONFIG_CONTRADICTION',
    'jobs.backup is set without jobs.backupPlace: there is nowhere to ship to.',
    { hint: 'Set jobs.backupPlace to a directory, as the argument of "millrace backup".' },
  );
}

function requireMailAddresses({ mail }: Configuration): void {
  if (mail.server === undefined || (mail.from !== undefined && mail.to.length > 0)) return;
  throw new ConfigurationError(
    'MR_CONFIG_CONTRADICTION',
    'mail.server is set without mail.from and mail.to: nobody would get any mail.',
    { hint: 'Set both, such as mail.from to millrace@example.com.' },
  );
}
