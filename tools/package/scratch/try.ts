import { writeRecords } from 'millrace/engine';
import { TopologyDriver } from 'millrace/engine/testing';
import { openEmbeddedLog } from 'millrace/log';
import { systemClock } from 'millrace/platform';
import topology, { views, watchTime } from './topology.ts';

const seen = [30, 5, 12].map((seconds) => ({
  key: 'ann',
  value: { item: 'a', seconds },
  timestamp: seconds,
}));

const driver = await TopologyDriver.open(async (log) => {
  await log.createTopics([views, watchTime]);
  return topology;
});
await driver.pipe(views, ...seen.map(({ key, value, timestamp }) => [key, value, timestamp] as const));
await driver.settle();
const last = (await driver.read(watchTime)).at(-1);
await driver.close();

const log = await openEmbeddedLog({ directory: '.millrace', clock: systemClock });
await writeRecords(log, views, seen);
await log.close();
console.log(last?.key, last?.value);
