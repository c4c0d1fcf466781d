/** What the cases read, written to a log: `node input.ts DIRECTORY EVENTS`. */

import { fileURLToPath } from 'node:url';
import { type OutgoingRecord, type Topic, TopicWriter } from '#engine';
import { type Log, openEmbeddedLog } from '#log';
import { systemClock } from '#platform';
import { avroSerdes, inputTopics } from './cases.ts';
import { Events, profileOf, USERS, userId } from './events.ts';

const DAY_MS = 86_400_000;
/** About 1,000 records a partition: what Kafka's producer sends at a time in the peer's benchmark. */
const CHUNK = 4_000;

/** Appends `count` records, the i-th made by `make`. */
export async function write<V>(
  log: Log,
  topic: Topic<string, V>,
  count: number,
  make: (i: number) => OutgoingRecord<string, V>,
): Promise<void> {
  const writer = await TopicWriter.open(log, topic);
  for (let from = 0; from < count; from += CHUNK) {
    const records = Array.from({ length: Math.min(CHUNK, count - from) }, (_, i) => make(from + i));
    await writer.write(records);
  }
  await writer.close();
}

async function writeInput(directory: string, events: number): Promise<void> {
  const log = await openEmbeddedLog({ directory, clock: systemClock });
  const { users, views } = inputTopics(await avroSerdes(log.registry));
  await log.createTopics([users, views]);
  const base = systemClock.now() - events;
  await write(log, users, USERS, (i) => {
    const signup = base - DAY_MS - i;
    return { key: userId(i), value: profileOf(i, signup), timestamp: base - DAY_MS + i };
  });
  const source = new Events();
  await write(log, views, events, (i) => {
    return { key: source.user(), value: source.view(base + i), timestamp: base + i };
  });
  await log.close();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [directory = '', events = ''] = process.argv.slice(2);
  await writeInput(directory, Number(events));
}
