import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KeySerde } from '../../serde.ts';
import { TopologyDriver } from '../../testing/driver.ts';
import { json, jsonTopic } from '../../testing/json-topic.ts';
import { TopologyBuilder } from '../builder.ts';
import type { Stream } from '../stream.ts';

const PARTITIONS = 2;
const left = jsonTopic<number>('left', PARTITIONS);
const right = jsonTopic<number>('right', PARTITIONS);
const output = jsonTopic<string | null>('output', PARTITIONS);
const value = json<number>();
const text = json<string | null>();
const window = { beforeMs: 4, afterMs: 7, graceMs: 5, value, other: value };
const pair = (l: number | null | undefined, r: number | null | undefined): string | null =>
  `${l ?? '-'}:${r ?? '-'}`;

type Join = (l: Stream<string, number>, r: Stream<string, number>) => Stream<string, string | null>;

const kinds: Readonly<Record<string, Join>> = {
  'inner of streams': (l, r) => l.joinStream('join', r, { ...window, join: pair }),
  'left of streams': (l, r) => l.leftJoinStream('join', r, { ...window, join: pair }),
  'outer of streams': (l, r) => l.outerJoinStream('join', r, { ...window, join: pair }),
  self: (l) => l.selfJoin('join', { ...window, join: pair }),
  'stream and table': (l, r) => l.join('join', r.toTable(value), pair),
  'stream and versioned table': (l, r) => l.join('join', r.toTable(value).versioned({ historyMs: 20 }), pair),
  'stream and table with grace': (l, r) =>
    l.join('join', r.toTable(value).versioned({ historyMs: 20 }), pair, { graceMs: 6, value }),
  'inner of tables': (l, r) =>
    l.toTable(value).join('join', r.toTable(value), pair, { value: text }).toStream(),
  'left of tables': (l, r) =>
    l.toTable(value).leftJoin('join', r.toTable(value), pair, { value: text }).toStream(),
  'outer of versioned tables': (l, r) => {
    const [a, b] = [l, r].map((side) => side.toTable(value).versioned({ historyMs: 20 })) as never as [
      ReturnType<typeof l.toTable>,
      ReturnType<typeof r.toTable>,
    ];
    return a.outerJoin('join', b, pair, { value: text }).toStream();
  },
};

function open(join: Join) {
  return TopologyDriver.open(async (log) => {
    await log.createTopics([left, right, output]);
    const builder = new TopologyBuilder({ name: 'joins', generation: 1 });
    join(builder.source(left), builder.source(right)).to(output, { partitioning: 'same' });
    return builder.build();
  });
}

/** Both sides, a few keys, out of order by some milliseconds. */
const rounds = Array.from({ length: 30 }, (_, i) => ({
  topic: i % 3 === 1 ? right : left,
  records: Array.from({ length: 3 }, (__, j) => {
    return [`k${(i * 5 + j * 3) % 4}`, i * 10 + j, 40 + i * 3 - ((i * 7 + j * 5) % 9)] as const;
  }),
}));

async function run(join: Join, restart: { readonly keepStores: boolean } | undefined) {
  const driver = await open(join);
  try {
    for (const [i, { topic, records }] of rounds.entries()) {
      await driver.pipe(topic, ...records);
      await driver.settle();
      if (restart !== undefined && i % 7 === 6) await driver.restart(restart);
    }
    const outs = (await driver.read(output)).map((r) => `${r.partition} ${r.key} ${r.value} ${r.timestamp}`);
    const entries = await driver.store('join/timers').catch(() => new Map());
    return { outs: outs.sort(), digests: driver.digests(), timers: entries.size };
  } finally {
    await driver.close();
  }
}

describe('a join that is interrupted', () => {
  for (const [kind, join] of Object.entries(kinds)) {
    it(`goes on with and without its stores: ${kind}`, async () => {
      const undisturbed = await run(join, undefined);
      assert.ok(undisturbed.outs.length > 20, `${undisturbed.outs.length} outputs`);
      assert.deepEqual(await run(join, { keepStores: true }), undisturbed);
      assert.deepEqual(await run(join, { keepStores: false }), undisturbed);
    });
  }
});

it('what can meet nothing any more is forgotten', async () => {
  const stores = {
    'outer of streams': ['left', 'right', 'timers'],
    self: ['records', 'timers'],
    'stream and table with grace': ['waiting', 'timers'],
  };
  for (const [kind, names] of Object.entries(stores)) {
    const driver = await open(kinds[kind] as Join);
    for (const { topic, records } of rounds) await driver.pipe(topic, ...records);
    await driver.settle();
    for (const topic of [left, right]) await driver.announce(topic, 10_000);
    await driver.settle();
    for (const store of names) {
      assert.equal((await driver.store(`join/${store}`)).size, 0, `${kind}: ${store}`);
    }
    await driver.close();
  }
});

it('a join that cannot be right is refused', () => {
  const builder = new TopologyBuilder({ name: 'joins', generation: 1 });
  const [l, r] = [builder.source(left), builder.source(right)];
  const wrong = { code: 'MR_TOPOLOGY_INVALID' };
  assert.throws(() => l.joinStream('a', r, { ...window, beforeMs: -1, join: pair }), wrong);
  assert.throws(() => l.join('b', r.toTable(value), pair, { graceMs: 1, value }), wrong);
  const short = r.toTable(value).versioned({ historyMs: 5 });
  assert.throws(() => l.join('c', short, pair, { graceMs: 6, value }), wrong);
});

it('tables forget the order of removed rows, each by its own time', async () => {
  const driver = await TopologyDriver.open(async (log) => {
    await log.createTopics([left, right, output]);
    const builder = new TopologyBuilder({ name: 'joins', generation: 1 });
    const [l, r] = [builder.table(left), builder.table(right)].map((of) => of.versioned({ historyMs: 10 }));
    assert.ok(l !== undefined && r !== undefined);
    l.join('join', r, pair, { value: text }).to(output, { partitioning: 'same' });
    return builder.build();
  });
  const remembered = async () => [...(await driver.store('join-left/newest')).keys()].sort();
  const everywhere = (n: number) => Array.from({ length: 20 }, (_, i) => [`x${i}`, n, n] as const);
  await driver.pipe(left, ['a', 1, 1], ['b', 1, 3], ['a', null, 4]);
  await driver.pipe(left, ...everywhere(13));
  await driver.settle();
  assert.ok((await remembered()).includes('a'), 'the join may still meet it');
  await driver.pipe(left, ...everywhere(20));
  await driver.settle();
  assert.ok(!(await remembered()).includes('a'));
  assert.ok((await remembered()).includes('b'));
  const digests = driver.digests();
  await driver.restart({ keepStores: false });
  assert.deepEqual(driver.digests(), digests);
  await driver.close();
});

it('a copy of a topic is restored without what the live task refused, and under the keys that it gave', async () => {
  const numbers: KeySerde<number> = { toText: String, fromText: Number };
  const driver = await TopologyDriver.open(async (log) => {
    await log.createTopics([left, right, output]);
    const builder = new TopologyBuilder({ name: 'joins', generation: 1 });
    const rows = builder.table({ ...right, key: numbers });
    builder
      .source({ ...left, key: numbers })
      .join('join', rows, pair)
      .to({ ...output, key: numbers });
    return builder.build();
  });
  const producer = await driver.log.producer();
  const rows = [
    ['7', '1', 1],
    ['007', '2', 2],
    ['8', '5', 1],
    ['8', '6', -4],
    ['9', 'no json', 4],
  ] as const;
  const records = rows.map(([key, value, timestamp]) => {
    return { key: Buffer.from(key), value: Buffer.from(value), timestamp };
  });
  await producer.append(right.name, 0, records);
  await producer.close();
  await driver.settle();
  const copy = new Map([
    ['7', 2],
    ['8', 5],
  ]);
  assert.deepEqual(await driver.store('join/table'), copy);
  const digests = driver.digests();
  await driver.restart({ keepStores: false });
  assert.deepEqual(await driver.store('join/table'), copy);
  assert.deepEqual(driver.digests(), digests);
  await driver.close();
});
