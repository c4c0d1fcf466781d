// example: first-imports
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { TopologyBuilder } from '#engine';
import { json, jsonTopic, TopologyDriver } from '#engine/testing';

type View = { readonly item: string; readonly seconds: number };

const views = jsonTopic<View>('views');
const watchTime = jsonTopic<number>('watch-time');
// end

it('a first topology', async () => {
  // example: first-topology
  const builder = new TopologyBuilder({ name: 'watching', generation: 1 });
  builder
    .source(views)
    .filter(({ seconds }) => seconds >= 10)
    .aggregate('total', {
      initial: () => 0,
      add: (sum, { value }) => sum + value.seconds,
      value: json<number>(),
    })
    .to(watchTime);
  const topology = builder.build();
  // end
  // example: first-test
  const driver = await TopologyDriver.open(async (log) => {
    await log.createTopics([views, watchTime]);
    return topology;
  });
  await driver.pipe(views, ['ann', { item: 'a', seconds: 30 }, 1], ['ann', { item: 'b', seconds: 5 }, 2]);
  await driver.pipe(views, ['ann', { item: 'c', seconds: 12 }, 3]);
  await driver.settle();
  assert.deepEqual(
    (await driver.read(watchTime)).map(({ key, value }) => [key, value]),
    [
      ['ann', 30],
      ['ann', 42],
    ],
  );
  assert.deepEqual(await driver.store('total/state'), new Map([['ann', 42]]));
  await driver.close();
  // end
});
