/**
 * One case of the engine's benchmark in a process of its own: `node case.ts NAME DIRECTORY`, where the directory holds
 * the log that input.ts wrote. Prints a Measurement.
 */

import { join } from 'node:path';
import { deadLetterTopic } from '#engine';
import { type Log, openEmbeddedLog } from '#log';
import { createLogger, systemClock } from '#platform';
import { avroSerdes, type Inputs, inputTopics, PARTITIONS } from './cases.ts';
import { Events, userId } from './events.ts';
import { write } from './input.ts';
import { Case, countOf, type Measurement, runToEnd } from './measure.ts';

const MANY_USERS = 10_000_000;
const MANY_CACHED = MANY_USERS / 20;
const EVENTS_ON_DISK = 2_000_000;

async function measure(name: string, directory: string): Promise<Measurement> {
  const logger = createLogger({ level: 'warn', name: 'bench' });
  const log = await openEmbeddedLog({ directory, clock: systemClock, logger });
  const serdes = await avroSerdes(log.registry);
  const inputs = inputTopics(serdes);
  const isOnDisk = name === 'T5';
  const running = await Case.open({
    name,
    log,
    inputs,
    serdes,
    deadLetters: await deadLetterTopic(log.registry),
    state: join(directory, 'state'),
    ...(isOnDisk && { options: { cacheEntries: MANY_CACHED / PARTITIONS } }),
  });
  await running.runtime.start();
  if (isOnDisk) {
    await writeManyUsers(log, inputs);
    await runToEnd(running.runtime);
    await writeEvenly(log, inputs, EVENTS_ON_DISK);
  }
  const measurement = await running.measure(
    isOnDisk ? EVENTS_ON_DISK : await countOf(log, inputs.views.name),
  );
  await running.runtime.close();
  await log.close();
  return measurement;
}

/** One view of each of many users. */
async function writeManyUsers(log: Log, { views }: Inputs): Promise<void> {
  const source = new Events();
  const base = systemClock.now() - 2 * MANY_USERS;
  await write(log, views, MANY_USERS, (i) => {
    return { key: userId(i), value: source.view(base + i), timestamp: base + i };
  });
}

/** Views of users drawn evenly from many. */
async function writeEvenly(log: Log, { views }: Inputs, events: number): Promise<void> {
  const source = new Events();
  const base = systemClock.now() - events;
  await write(log, views, events, (i) => {
    return { key: userId(source.below(MANY_USERS)), value: source.view(base + i), timestamp: base + i };
  });
}

const [name = '', directory = ''] = process.argv.slice(2);
process.stdout.write(`${JSON.stringify(await measure(name, directory))}\n`);
