// example: thread

import { join } from 'node:path';
import { type DeclareThread, deadLetterTopic, rocksDatabases } from '#engine';
import { openEmbeddedLog } from '#log';
import { createLogger, createMetrics, systemClock } from '#platform';
import { watching } from './watching.ts';

export const declare: DeclareThread = async ({ connection, data, instanceId }) => {
  const { directory } = data as { readonly directory: string };
  const logger = createLogger({ level: 'error', name: instanceId });
  const log = await openEmbeddedLog({
    directory: join(directory, 'log'),
    clock: systemClock,
    logger,
    ...(connection && { connection }),
  });
  const options = {
    log,
    topology: watching(),
    databases: rocksDatabases(join(directory, 'state')),
    clock: systemClock,
    logger,
    metrics: createMetrics(),
    deadLetters: await deadLetterTopic(log.registry),
  };
  return { options, close: () => log.close() };
};
// end
