/** A data directory and a log opened: the one of the directory, or the one on Kafka that the configuration names. */

import { randomUUID } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { type OpenedLog, openLog } from '#log';
import {
  ConfigurationError,
  createLogger,
  createMetrics,
  errorCode,
  type Logger,
  type Metrics,
  type ServedCertificate,
  type Shutdown,
  systemClock,
  type Tracing,
  unusableData,
} from '#platform';
import type { Pseudonyms } from '#privacy';
import { openSharedFiles, type SharedFiles } from '#storage';
import { leaveOutUndecodable, openTopics, type Topics } from '#topologies';
import type { Configuration } from './configuration.ts';
import { throwIfInterrupted, withShutdown } from './interruption.ts';
import { refuseLostLog } from './lost-log.ts';
import { openPseudonyms } from './pseudonyms.ts';
import { readRecordFile, writeRecordFile } from './record-file.ts';
import { RunningSecrets } from './running-secrets.ts';
import { certificateOnce } from './served-certificate.ts';
import { startTracing } from './tracing.ts';

export type Installation = Pick<
  OpenedLog,
  'log' | 'registry' | 'identity' | 'embedded' | 'expiresByWallClock'
> & {
  readonly configuration: Configuration;
  /** As they are now: what is used in a process that serves comes from here. */
  readonly secrets: RunningSecrets;
  /** Undefined where nothing is traced; opened by who asks first. */
  readonly tracing: () => Promise<Tracing | undefined>;
  /** Certificate of the HTTP server; opened on first use. Errors: ConfigurationError MR_HTTP_CERTIFICATE. */
  readonly certificate: () => ServedCertificate | undefined;
  /** For what belongs to this log alone, such as state; models and snapshots lie in the data directory itself. */
  readonly directory: string;
  /** Where others on the same log have versions, snapshots and the archive; undefined where this data directory alone has them. */
  readonly files: SharedFiles | undefined;
  /** The name of this data directory in groups that others may be members of. */
  readonly instanceId: string;
  readonly topics: Topics;
  /** What users are called on the log; opened by who asks first. Errors: those of openPseudonyms. */
  readonly pseudonyms: () => Promise<Pseudonyms>;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

/** A log with what belongs to it in the data directory, and none of the product's topics. */
export type LogInstallation = Omit<Installation, 'topics' | 'pseudonyms'>;

/** Opens the log and its topics, made where they are missing; `shutdown` closes it. Ctrl-C ends it with Interrupted. */
export async function openInstallation(
  configuration: Configuration,
  shutdown: Shutdown,
): Promise<Installation> {
  return installed(await openLogInstallation(configuration, shutdown), shutdown);
}

/** The same for commands that only read: ConfigurationError MR_DATA_EMPTY where nothing has been written yet. */
export async function openExistingInstallation(
  configuration: Configuration,
  shutdown: Shutdown,
): Promise<Installation> {
  requireData(configuration);
  const opened = await openLogInstallation(configuration, shutdown);
  if (opened.embedded === undefined) await requireTopics(configuration, opened);
  return installed(opened, shutdown);
}

/** An existing installation, open for `work` as long as that takes. Errors: those of openExistingInstallation and withShutdown. */
export async function withInstallation<T>(
  configuration: Configuration,
  work: (installation: Installation, shutdown: Shutdown) => Promise<T>,
): Promise<T> {
  return withShutdown(configuration, async (shutdown) =>
    work(await openExistingInstallation(configuration, shutdown), shutdown),
  );
}

/**
 * As openExistingInstallation, where that can be said without asking a server: nothing is opened or made. Errors also:
 * ConfigurationError MR_DATA_UNUSABLE; those of refuseLostLog.
 */
export function requireData({ data, log }: Configuration): void {
  if (log !== 'embedded') return;
  let isThere = true;
  try {
    accessSync(join(data, 'log.sqlite'), constants.R_OK);
  } catch (error) {
    if (!/^(ENOENT|ENOTDIR)$/.test(errorCode(error) ?? '')) throw unusableData(data, error);
    isThere = false;
  }
  refuseLostLog({ data, log });
  if (!isThere) throw noData(`in ${data}`);
}

async function requireTopics({ log: url }: Configuration, { log }: LogInstallation): Promise<void> {
  try {
    await log.describeTopics(['interactions']);
  } catch (error) {
    if (errorCode(error) !== 'MR_LOG_UNKNOWN_TOPIC') throw error;
    throw noData(`on ${withoutUser(url)}`);
  }
}

function noData(where: string): ConfigurationError {
  return new ConfigurationError('MR_DATA_EMPTY', `There is no data ${where}.`, {
    hint: 'Run "millrace start" or "millrace import movielens DIR" first, or choose another directory with --data DIR.',
  });
}

/** As openInstallation, for what needs no topic of the product's. Errors also: those of openLog and refuseLostLog. */
export async function openLogInstallation(
  configuration: Configuration,
  shutdown: Shutdown,
): Promise<LogInstallation> {
  const logger = createLogger({ level: configuration.logging.level, name: 'millrace' });
  refuseLostLog(configuration);
  const { close, ...opened } = await openLog(configuration, {
    clock: systemClock,
    random: Math.random,
    logger,
  });
  shutdown.add('log', close);
  const directory = logDirectory(configuration, opened.identity);
  const instanceId = opened.embedded === undefined ? ownName(directory) : 'main';
  const secrets = new RunningSecrets(configuration);
  const metrics = createMetrics();
  const files = openSharedFiles(configuration, { clock: systemClock, random: Math.random, metrics });
  shutdown.add('object store', async () => files?.close());
  const certificate = certificateOnce(configuration, shutdown, { logger, metrics });
  let begun: Promise<Tracing | undefined> | undefined;
  const tracing = () => {
    begun ??= startTracing(configuration, shutdown, { logger, metrics });
    return begun;
  };
  return {
    ...opened,
    configuration,
    secrets,
    certificate,
    tracing,
    directory,
    files,
    instanceId,
    logger,
    metrics,
  };
}

async function installed(installation: LogInstallation, shutdown: Shutdown): Promise<Installation> {
  const { log, registry, logger, metrics } = installation;
  const topics = await openTopics(log, registry, leaveOutUndecodable({ logger, metrics }));
  throwIfInterrupted(shutdown.signal);
  let pseudonyms: Promise<Pseudonyms> | undefined;
  return {
    ...installation,
    topics,
    pseudonyms: () => {
      pseudonyms ??= openPseudonyms({ ...installation, topics }, shutdown);
      return pseudonyms;
    },
  };
}

/** State of one log must never be taken for that of another: on Kafka each has a directory of its own. */
export function logDirectory({ data }: Pick<Configuration, 'data'>, identity: string): string {
  return identity === 'embedded' ? data : join(data, identity);
}

/** Made once for each data directory: two that took each other for themselves would throw each other out for ever. */
export function ownName(directory: string): string {
  const path = join(directory, 'instance.json');
  const known = readRecordFile<{ readonly instance: string }>(path);
  if (known !== undefined) return known.instance;
  const instance = randomUUID();
  writeRecordFile(path, { instance });
  return instance;
}

/** An address as it may be shown. */
export function withoutUser(url: string): string {
  return url.replace(/\/\/.*@/, '//');
}
