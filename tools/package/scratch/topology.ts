import { TopologyBuilder } from 'millrace/engine';
import { json, jsonTopic, TopologyDriver } from 'millrace/engine/testing';

type View = { readonly item: string; readonly seconds: number };

const views = jsonTopic<View>('views');
const watchTime = jsonTopic<number>('watch-time');

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

const driver = await TopologyDriver.open(async (log) => {
  await log.createTopics([views, watchTime]);
  return topology;
});
await driver.pipe(views, ['ann', { item: 'a', seconds: 30 }, 1], ['ann', { item: 'c', seconds: 12 }, 2]);
await driver.settle();
const last = (await driver.read(watchTime)).at(-1);
console.log(last?.key, last?.value);
await driver.close();
