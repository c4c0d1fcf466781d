/** A data directory opened: its log and its topics. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type EmbeddedLog, openEmbeddedLog } from '#engine/log';
import {
  type Configuration,
  ConfigurationError,
  createLogger,
  createMetrics,
  type Logger,
  type Metrics,
  type Shutdown,
  systemClock,
} from '#platform';
import { openTopics, type Topics } from '#topologies';

export type Installation = {
  readonly configuration: Configuration;
  readonly log: EmbeddedLog;
  readonly topics: Topics;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

/** Opens the log of the data directory, made where it is missing; `shutdown` closes it. */
export async function openInstallation(
  configuration: Configuration,
  shutdown: Shutdown,
): Promise<Installation> {
  const logger = createLogger({ level: configuration.log.level, name: 'millrace' });
  const log = await openEmbeddedLog({ directory: configuration.data, clock: systemClock, logger });
  shutdown.add('log', () => log.close());
  const topics = await openTopics(log, log.registry);
  return { configuration, log, topics, logger, metrics: createMetrics() };
}

/** ConfigurationError MR_DATA_EMPTY where nothing has been written yet: for commands that only read. */
export function requireData({ data }: Configuration): void {
  if (existsSync(join(data, 'log.sqlite'))) return;
  throw new ConfigurationError('MR_DATA_EMPTY', `There is no data in ${data}.`, {
    hint: 'Run "millrace start" or "millrace import movielens DIR" first, or name another directory with --data DIR.',
  });
}
