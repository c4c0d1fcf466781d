/** What the threads and processes of the benchmarks run: a case of the engine's over a log that others write. */

import { join } from 'node:path';
import { type DeclareThread, deadLetterTopic, TopologyBuilder } from '#engine';
import { openEmbeddedLog } from '#log';
import { createLogger, invariant, systemClock } from '#platform';
import { avroSerdes, cases, inputTopics } from '../engine/cases.ts';
import { runtimeOptions } from '../runtime-options.ts';

export type ThreadData = {
  readonly directory: string;
  /** Of the case. */
  readonly name: string;
  /** Name of the topology, and of the directory of its stores. */
  readonly state: string;
  readonly commitIntervalMs?: number;
};

export const declare: DeclareThread = async ({ connection, data }) => {
  const { directory, name, state, ...more } = data as ThreadData;
  const logger = createLogger({ level: 'warn', name: 'bench' });
  const shared = connection === undefined ? {} : { connection };
  const log = await openEmbeddedLog({ directory, clock: systemClock, logger, ...shared });
  const deadLetters = await deadLetterTopic(log.registry);
  const builder = new TopologyBuilder({ name: state, generation: 1 });
  const serdes = await avroSerdes(log.registry);
  const output = cases[name]?.(builder, inputTopics(serdes), serdes);
  invariant(output !== undefined, `there is no case ${name}`);
  await log.createTopics([deadLetters, output]);
  const runs = { log, topology: builder.build(), deadLetters };
  const options = { ...runtimeOptions(runs, join(directory, state)), ...more };
  return { options, close: () => log.close() };
};
