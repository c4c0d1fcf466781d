import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
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
  for (const kind of ['outer of streams', 'self', 'stream and table with grace']) {
    const driver = await open(kinds[kind] as Join);
    for (const { topic, records } of rounds) await driver.pipe(topic, ...records);
    await driver.settle();
    for (const topic of [left, right]) await driver.announce(topic, 10_000);
    await driver.settle();
    for (const store of ['left', 'right', 'records', 'waiting', 'timers']) {
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
