import { defineProcessor, port } from '../../../topology/processor.ts';
import type { Random } from '../random.ts';
import { sizedJson, sizedTopic } from '../sized-json.ts';
import {
  type Input,
  type InputRecord,
  type OutputRecord,
  recordsOf,
  type TopologyUnderTest,
} from '../topology-under-test.ts';

type Purchase = { readonly amount: number };
type Request = { readonly user: string };
type Example = { readonly spent: number };
type History = readonly { readonly at: number; readonly amount: number }[];

const OUT_OF_ORDER_MS = 40;
const START_MS = 1_000_000_000_000;
const END_MS = START_MS + 10_000_000;

const purchases = sizedTopic<Purchase>('purchases', 2, { amount: 1 });
const requests = sizedTopic<Request>('requests', 2, { user: 'user-1' });
const examples = sizedTopic<Example>('examples', 2, { spent: 0 });

const spentBefore = (history: History, at: number) =>
  history.reduce((sum, each) => sum + (each.at < at ? each.amount : 0), 0);

/** What a user had spent before the moment of a request: asked when the watermark says that all of it is known. */
const pointInTime = defineProcessor({
  inputs: { purchases: port<string, Purchase>(), requests: port<string, Request>() },
  outputs: { examples: port<string, Example>() },
  stores: { history: { value: sizedJson<History>([]) } },
  process: {
    purchases: ({ key, value, timestamp }, { stores }) => {
      const history = [...(stores.history.get(key) ?? []), { at: timestamp, amount: value.amount }];
      history.sort((a, b) => a.at - b.at || a.amount - b.amount);
      stores.history.put(key, history, timestamp);
    },
    requests: ({ key, timestamp }, { stores, emit }) => {
      emit('examples', key, { spent: spentBefore(stores.history.get(key) ?? [], timestamp) }, timestamp);
    },
  },
});

function generate(random: Random): InputRecord[] {
  const users = random.int(2, 5);
  let now = START_MS;
  return Array.from({ length: random.int(60, 200) }, () => {
    now += random.int(0, 6);
    const user = `user-${random.int(1, users)}`;
    if (random.chance(0.4)) {
      return { topic: requests.name, key: `request-${random.int(1, 99)}`, value: { user }, timestamp: now };
    }
    const timestamp = now - random.int(0, OUT_OF_ORDER_MS);
    return { topic: purchases.name, key: user, value: { amount: random.int(1, 99) }, timestamp };
  });
}

function model(input: Input): Record<string, OutputRecord[]> {
  const records = recordsOf(input);
  const bought = (user: string): History =>
    records
      .filter(({ topic, key }) => topic === purchases.name && key === user)
      .map(({ value, timestamp }) => ({ at: timestamp, amount: (value as Purchase).amount }));
  const asked = records.filter(({ topic }) => topic === requests.name);
  return {
    [examples.name]: asked.map(({ value, timestamp }) => {
      const { user } = value as Request;
      return { key: user, value: { spent: spentBefore(bought(user), timestamp) }, timestamp };
    }),
  };
}

export const pointInTimeTopology: TopologyUnderTest = {
  name: 'point-in-time',
  inputs: [purchases, requests],
  outputs: [{ topic: examples, comparison: 'multiset' }],
  declare: (builder) => {
    const asked = builder
      .source(requests)
      .keyBy('by-user', ({ user }) => user, { value: requests.value, release: 'at-watermark' });
    const bought = builder.source(purchases, { watermark: { outOfOrderMs: OUT_OF_ORDER_MS } });
    const inputs = { purchases: bought, requests: asked };
    builder.process('point-in-time', pointInTime, inputs).examples.to(examples);
  },
  generate,
  finalWatermarkMs: END_MS,
  model,
};
