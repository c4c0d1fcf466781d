/** What each thread of the benchmark runs: totals by user over a written log. */
import { join } from 'node:path';
import { avroSerde, type DeclareThread, rocksDatabases, type Topic, TopologyBuilder, textKey } from '#engine';
import { openEmbeddedLog } from '#engine/log';
import { createLogger, createMetrics, invariant, systemClock } from '#platform';
import { avroSchema, type DeadLetter, topics } from '#schemas';
import { cases, inputTopics, specOf } from '../engine/cases.ts';

export type ThreadData = { readonly directory: string; readonly name: string; readonly state: string };

export const declare: DeclareThread = async ({ connection, data }) => {
  const { directory, name, state } = data as ThreadData;
  const logger = createLogger({ level: 'warn', name: 'bench' });
  invariant(connection !== undefined, 'the benchmark hands out connections');
  const log = await openEmbeddedLog({ directory, clock: systemClock, logger, connection });
  const deadLetters: Topic<string, DeadLetter> = {
    ...topics['dead-letters'],
    key: textKey,
    value: await avroSerde(log.registry, 'dead-letters-value', avroSchema('DeadLetter')),
  };
  const builder = new TopologyBuilder({ name: state, generation: 1 });
  const output = await cases[name]?.(builder, await inputTopics(log.registry), log.registry);
  invariant(output !== undefined, `there is no case ${name}`);
  await log.createTopics([deadLetters, output].map(specOf));
  const options = {
    log,
    topology: builder.build(),
    databases: rocksDatabases(join(directory, state)),
    clock: systemClock,
    logger,
    metrics: createMetrics(),
    deadLetters,
  };
  return { options, close: () => log.close() };
};
