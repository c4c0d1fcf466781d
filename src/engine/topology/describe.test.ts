import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { json, jsonTopic } from '../testing/json-topic.ts';
import { TopologyBuilder } from './builder.ts';
import { describeTopology } from './describe.ts';
import { topologyMermaid } from './describe-mermaid.ts';
import { topologyText } from './describe-text.ts';
import { defineProcessor, port } from './processor.ts';

type Order = { readonly user: string; readonly amount: number };

const orders = jsonTopic<Order>('orders', 2);
const users = jsonTopic<{ name: string }>('users', 3);
const totals = jsonTopic<number>('totals', 3);
const firsts = jsonTopic<Order>('firsts', 3);

const first = defineProcessor({
  inputs: { records: port<string, Order>() },
  outputs: { firsts: port<string, Order>(), others: port<string, Order>() },
  stores: { seen: { value: json<boolean>() } },
  process: { records: () => {} },
  onTimer: () => {},
  dependsOnArrival: true,
});

function shop() {
  const builder = new TopologyBuilder({ name: 'shop', generation: 2 });
  const byUser = builder
    .source(orders, { watermark: { outOfOrderMs: 500, futureMs: 60_000 } })
    .filter(({ amount }) => amount > 0)
    .keyBy('by-user', ({ user }) => user, { value: json<Order>(), partitions: 3 });
  byUser
    .join('named', builder.table(users), (order, user) => user && order)
    .aggregate('total', {
      initial: () => 0,
      add: (sum, { value }) => sum + value.amount,
      value: json<number>(),
      changelog: totals,
    })
    .to(totals, { partitioning: 'same' });
  builder.process('first', first, { records: byUser }).firsts.to(firsts);
  return builder.build();
}

const TEXT = `Topology shop, generation 2
2 sub-topologies, 5 tasks, 5 stores

Sub-topology orders: 2 partitions
  source orders
      reads stream orders
      watermark: the newest timestamp less 500 ms, none from more than 60000 ms ahead
      --> filter-2
  stateless filter-2
      <-- orders
      --> by-user-sink
  sink by-user-sink
      <-- filter-2
      writes repartition topic shop-2-by-user-repartition, 3 partitions by key, with the watermark
      ==> sub-topology by-user

Sub-topology by-user: 3 partitions
  source by-user
      reads repartition topic shop-2-by-user-repartition
      watermark: carried by its records
      --> named, first
  source users
      reads table users
      watermark: the newest timestamp
      --> named
  processor named
      <-- users as table
      <-- by-user as stream
      store named/table: key-value, copy of topic users
      --> joined: total
  processor total
      <-- named/joined as records
      store total/state: key-value, changelog is output topic totals
      store total/times: key-value, changelog shop-2-total-times-changelog
      --> records: totals-sink
  sink totals-sink
      <-- total/records
      writes topic totals, in the partition read from
  processor first [timers] [state depends on arrival]
      <-- by-user as records
      store first/seen: key-value, changelog shop-2-first-seen-changelog
      store first/timers: timers, changelog shop-2-first-timers-changelog
      --> firsts: firsts-sink
      --> others: nothing
  sink firsts-sink
      <-- first/firsts
      writes topic firsts, 3 partitions by key
`;

const MERMAID = `flowchart TD
  topic0[/"orders"/]
  topic1[/"shop-2-by-user-repartition"/]
  topic2[/"users"/]
  topic3[/"totals"/]
  topic4[/"firsts"/]
  subgraph sub0["orders, 2 partitions"]
    node5(["orders"])
    node6("filter-2")
    node7(["by-user-sink"])
  end
  subgraph sub1["by-user, 3 partitions"]
    node8(["by-user"])
    node9(["users"])
    node10["named"]
    node11["total"]
    node12(["totals-sink"])
    node13["first<br/>timers<br/>depends on arrival"]
    node14(["firsts-sink"])
    store15[("named/table<br/>key-value<br/>copy of users")]
    store16[("total/state<br/>key-value<br/>changelog is output totals")]
    store17[("total/times<br/>key-value<br/>shop-2-total-times-changelog")]
    store18[("first/seen<br/>key-value<br/>shop-2-first-seen-changelog")]
    store19[("first/timers<br/>timers<br/>shop-2-first-timers-changelog")]
  end
  topic0 --> node5
  node5 --> node6
  node6 --> node7
  node7 --> topic1
  topic1 --> node8
  topic2 --> node9
  node9 --> node10
  node8 --> node10
  node10 -->|"joined"| node11
  node11 -->|"records"| node12
  node12 --> topic3
  node8 --> node13
  node13 -->|"firsts"| node14
  node14 --> topic4
  node10 --- store15
  topic2 -.-> store15
  node11 --- store16
  node11 --- store17
  node13 --- store18
  node13 --- store19
  classDef arrival stroke-dasharray: 4 3
  class node13 arrival
`;

describe('describe', () => {
  it('tells a reader what a topology consists of', () => {
    assert.equal(topologyText(describeTopology(shop())), TEXT);
  });

  it('draws a topology for Mermaid', () => {
    assert.equal(topologyMermaid(describeTopology(shop())), MERMAID);
  });

  it('shows global tables, and what depends on their arrival', () => {
    const builder = new TopologyBuilder({ name: 'shop', generation: 2 });
    const table = builder.globalTable(users);
    const stream = builder.source(orders);
    const named = stream.joinGlobal(
      'named',
      table,
      ({ value }) => value.user,
      (order, { name }) => ({ ...order, name }),
    );
    named.leftJoinGlobal(
      'again',
      table,
      ({ value }) => value.name,
      (order) => order,
    );
    const description = describeTopology(builder.build());
    assert.deepEqual(description.globalTables, ['users']);
    assert.equal(
      topologyText(description),
      `Topology shop, generation 2
1 sub-topology, 2 tasks, 0 stores, 1 global table

Sub-topology orders: 2 partitions
  source orders
      reads stream orders
      watermark: the newest timestamp
      --> named
  global-join named [depends on arrival]
      <-- orders
      reads global table users
      --> again
  global-join again [depends on arrival]
      <-- named
      reads global table users, or null
      --> nothing
`,
    );
    assert.equal(
      topologyMermaid(description),
      `flowchart TD
  topic0[/"orders"/]
  topic1[/"users"/]
  subgraph sub0["orders, 2 partitions"]
    node2(["orders"])
    node3["named<br/>depends on arrival"]
    node4["again<br/>depends on arrival"]
  end
  topic0 --> node2
  node2 --> node3
  topic1 -.->|"global table"| node3
  node3 --> node4
  topic1 -.->|"global table"| node4
  classDef arrival stroke-dasharray: 4 3
  class node3,node4 arrival
`,
    );
    const [, join] = description.subTopologies[0]?.nodes ?? [];
    assert.deepEqual(JSON.parse(JSON.stringify(join)), {
      name: 'named',
      inputs: [{ port: 'in', node: 'orders', output: 'out' }],
      outputs: [{ output: 'out', nodes: ['again'] }],
      kind: 'global-join',
      globalTable: 'users',
      type: 'inner',
      dependsOnArrival: true,
    });
  });

  it('is plain JSON, the same for the same declaration', () => {
    const description = describeTopology(shop());
    const copy: unknown = JSON.parse(JSON.stringify(describeTopology(shop())));
    assert.deepEqual(copy, description);
  });
});
