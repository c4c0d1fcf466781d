import type { TestContext } from 'node:test';
import type { Topic } from '../../serde.ts';
import { TopologyBuilder } from '../../topology/builder.ts';
import { type DriverOptions, TopologyDriver } from '../driver.ts';

/** Opens a topology over these topics, and closes it after the test. */
export function open(
  t: TestContext,
  topics: readonly Topic<never, never>[],
  declare: (builder: TopologyBuilder) => void,
  options: DriverOptions = {},
): Promise<TopologyDriver> {
  const opened = TopologyDriver.open(async (log) => {
    await log.createTopics(topics);
    const builder = new TopologyBuilder({ name: 'semantics', generation: 1 });
    declare(builder);
    return builder.build();
  }, options);
  t.after(async () => (await opened).close());
  return opened;
}

/** What has come to a topic since the last call, as key, value and timestamp. */
export async function rowsOf<K, V>(driver: TopologyDriver, topic: Topic<K, V>) {
  return (await driver.read(topic)).map(({ key, value, timestamp }) => [key, value, timestamp] as const);
}
