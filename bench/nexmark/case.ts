/**
 * One query in a process of its own: `node case.ts NAME DIRECTORY`, where the directory holds the log that input.ts wrote.
 * Prints what was Measured.
 */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deadLetterTopic, StreamsRuntime } from '#engine';
import { openEmbeddedLog } from '#log';
import { createLogger, systemClock } from '#platform';
import { openInputs } from '../../examples/nexmark/events.ts';
import { queries } from '../../examples/nexmark/queries.ts';
import { countOf, runToEnd } from '../engine/measure.ts';
import { runtimeOptions } from '../runtime-options.ts';

export const INPUT_OPTIONS = { partitions: 4, outOfOrderMs: 0 };

/** Figures of the whole process, from its first round to its last commit. */
export type Measured = {
  /** In the topics that the query reads. */
  readonly events: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
};

async function measure(name: string, directory: string): Promise<Measured> {
  const query = queries[name];
  if (query === undefined) throw new Error(`there is no query ${name}`);
  const logger = createLogger({ level: 'warn', name: 'bench' });
  const log = await openEmbeddedLog({ directory, clock: systemClock, logger });
  const inputs = await openInputs(log.registry, INPUT_OPTIONS);
  const { topology, output } = await query.declare(name, log.registry, inputs);
  const deadLetters = await deadLetterTopic(log.registry);
  await log.createTopics([output, deadLetters]);
  const runtime = new StreamsRuntime(
    runtimeOptions({ log, topology, deadLetters }, join(directory, 'state')),
  );
  await runtime.start();

  const read = new Set(
    topology.subTopologies.flatMap(({ sources }) => sources.map(({ topic }) => topic.name)),
  );
  let events = 0;
  for (const { name: topic } of [inputs.persons, inputs.auctions, inputs.bids]) {
    if (read.has(topic)) events += await countOf(log, topic);
  }
  const began = performance.now();
  const used = process.cpuUsage();
  await runToEnd(runtime);
  const { user, system } = process.cpuUsage(used);
  const seconds = (performance.now() - began) / 1e3;
  await runtime.close();
  await log.close();
  return { events, seconds, cpuSeconds: (user + system) / 1e6 };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name = '', directory = ''] = process.argv.slice(2);
  process.stdout.write(`${JSON.stringify(await measure(name, directory))}\n`);
}
