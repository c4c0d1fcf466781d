import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Header, ProducerRecord, RecordBatch } from '#log';
import { type Serde, textKey } from '../../serde.ts';
import {
  type CarriedWatermark,
  NO_WATERMARK,
  PartitionWatermark,
  watermarkHeader,
} from '../../time/watermark.ts';
import type { SourceNode } from '../../topology/node.ts';
import { TaskInput } from './input.ts';

const none: Serde<unknown> = {
  encode: () => Buffer.alloc(0),
  decode: () => undefined,
  prepare: async () => {},
  fingerprint: Buffer.alloc(0),
  framing: 0,
};

function source(name: string, options: Partial<SourceNode> = {}): SourceNode {
  const cleanup = { policy: 'delete', retentionMs: null } as const;
  const topic = { name, partitions: 1, cleanup, key: textKey, value: none };
  const watermark = { outOfOrderMs: 0 };
  const release = 'on-arrival';
  return {
    kind: 'source',
    name,
    topic,
    role: 'stream',
    time: 'stream',
    watermark,
    release,
    nullKeys: 'reject',
    nullValues: 'reject',
    future: 'reject',
    ...options,
  };
}

const data = (timestamp: number, ...headers: Header[]): ProducerRecord => {
  return { key: Buffer.from('k'), value: Buffer.from('v'), timestamp, headers };
};
const heartbeat = (carried: CarriedWatermark): ProducerRecord => {
  return { key: null, value: null, timestamp: carried.ms - 1, headers: [watermarkHeader(carried)] };
};

function batch(topic: string, baseOffset: number, records: readonly ProducerRecord[]): RecordBatch {
  const at = (index: number) => records[index] as ProducerRecord;
  return {
    topic,
    partition: 0,
    count: records.length,
    baseOffset,
    nextOffset: baseOffset + records.length,
    byteLength: 100 * records.length,
    isPlain: false,
    offset: (index) => baseOffset + index,
    timestamp: (index) => at(index).timestamp,
    key: (index) => at(index).key,
    keyText: (index) => at(index).key?.toString() ?? null,
    isEmpty: (index) => at(index).key === null && at(index).value === null,
    value: (index) => at(index).value,
    readValue: (index, read) => {
      const { value } = at(index);
      return value === null ? null : read(value, 0, value.length);
    },
    readEntry: () => assert.fail('inputs are not read as entries'),
    headers: (index) => at(index).headers ?? [],
    free: () => {},
  };
}

function inputOf(
  sources: readonly SourceNode[],
  contents: Record<string, readonly ProducerRecord[]>,
): TaskInput {
  const input = new TaskInput(sources);
  for (const partition of input.partitions) {
    const records = contents[partition.node.name] ?? [];
    if (records.length > 0) partition.buffer(batch(partition.node.name, 0, records));
    partition.fetchedAll = true;
  }
  return input;
}

const taken = (input: TaskInput, max = 100) => {
  const records = input.take(max, 0);
  return Array.from({ length: records.length }, (_, i) => {
    const { source, batch, index } = records.at(i);
    const before = Math.min(...input.partitions.map(({ time }) => time.at[i] as number));
    return [source, batch.timestamp(index), before] as const;
  });
};

describe('a task’s inputs', () => {
  it('are merged by timestamp, each record with the watermark before it', () => {
    const input = inputOf([source('a'), source('b')], { a: [data(1), data(5)], b: [data(2), data(9)] });
    assert.deepEqual(taken(input), [
      ['a', 1, NO_WATERMARK],
      ['b', 2, NO_WATERMARK],
      ['a', 5, 1],
      ['b', 9, 2],
    ]);
    assert.equal(input.watermark, 5);
  });

  it('give the memory of a batch back when all of it has gone through, unless values may be slices of it', () => {
    const decodeAt = { ...none, decodeAt: () => undefined };
    const freed: string[] = [];
    const sources = [none, decodeAt].map((value, i) => {
      const plain = source(`${i}`);
      return { ...plain, topic: { ...plain.topic, value } };
    });
    const input = new TaskInput(sources);
    for (const partition of input.partitions) {
      partition.fetchedAll = true;
      for (const [base, records] of [[data(1), data(2)], [data(3)]].entries()) {
        const { name } = partition.node;
        partition.buffer({ ...batch(name, base, records), free: () => freed.push(`${name} ${base}`) });
      }
    }
    const goThrough = (records: number) => {
      assert.equal(taken(input, records).length, records);
      const before = [...freed];
      for (const partition of input.partitions) partition.endBatch();
      return freed.slice(before.length);
    };
    assert.deepEqual(goThrough(2), []);
    assert.deepEqual(goThrough(3), ['1 0']);
    assert.deepEqual(goThrough(1), ['1 1']);
    assert.deepEqual(goThrough(0), []);
  });

  it('wait for a partition that has more to fetch, not for one that has been read to its end', () => {
    const input = inputOf([source('a'), source('b')], { a: [data(1)] });
    const [, b] = input.partitions;
    assert.ok(b);
    b.fetchedAll = false;
    assert.deepEqual(taken(input), []);
    b.fetchedAll = true;
    assert.equal(taken(input).length, 1);
  });

  it('wait for a bounded time, since it became empty, for one that has been read to its end', () => {
    let now = 100;
    const wait = { clock: { monotonic: () => now }, idleWaitMs: 50 };
    const input = new TaskInput([source('a'), source('b'), source('c')], wait);
    const [a, b, c] = input.partitions;
    assert.ok(a && b && c);
    for (const each of input.partitions) each.fetchedAll = true;
    a.buffer(batch('a', 0, [data(5), data(6)]));
    c.buffer(batch('c', 0, [data(1)]));
    assert.deepEqual([taken(input), input.heldForMs], [[], 50]);
    now += 49;
    assert.deepEqual([taken(input), input.heldForMs], [[], 1]);
    now += 1;
    assert.equal(input.heldForMs, 0);
    assert.deepEqual(
      taken(input).map(([name]) => name),
      ['c'],
      'and now for c, from now on',
    );
    assert.equal(input.heldForMs, 50);
    now += 20;
    b.buffer(batch('b', 0, [data(2)]));
    assert.equal(input.heldForMs, 30);
    c.fetchedAll = false;
    assert.equal(input.heldForMs, 0, 'it is for a fetch to bring what there is');
    c.fetchedAll = true;
    now += 30;
    assert.deepEqual(
      taken(input).map(([name]) => name),
      ['b'],
      'and for b anew',
    );
    now += 50;
    assert.equal(taken(input).length, 2);
  });

  it('do not wait for one whose records wait for the others themselves, nor in a replay', () => {
    const wait = { clock: { monotonic: () => 0 }, idleWaitMs: 50 };
    const waiting = new TaskInput([source('e'), source('w', { release: 'at-watermark' })], wait);
    const replayed = new TaskInput([source('a'), source('b')], wait);
    for (const input of [waiting, replayed]) {
      const [first, second] = input.partitions;
      assert.ok(first && second);
      first.fetchedAll = true;
      second.fetchedAll = true;
      first.buffer(batch(first.node.name, 0, [data(1)]));
    }
    assert.equal(taken(replayed).length, 0);
    const order = [replayed.partitions[0]];
    replayed.order = () => order.shift();
    assert.equal(taken(replayed).length, 1);
    assert.equal(taken(waiting).length, 1);
  });

  it('release a record at the watermark of the others, and count its own watermark for the task', () => {
    const carried = { writer: 0, writers: 1 };
    const waiting = source('w', { release: 'at-watermark', watermark: 'carried' });
    const events = source('e', { watermark: 'carried' });
    const input = inputOf([events, waiting], {
      e: [data(10, watermarkHeader({ ...carried, ms: 10 }))],
      w: [data(9), data(10, watermarkHeader({ ...carried, ms: 10 }))],
    });
    assert.deepEqual(
      taken(input).map(([name, ts]) => [name, ts]),
      [
        ['e', 10],
        ['w', 9],
      ],
    );
    assert.equal(input.watermark, NO_WATERMARK, 'nothing is known yet of what waits');
    input.partitions[0]?.buffer(batch('e', 1, [heartbeat({ ...carried, ms: 11 })]));
    assert.deepEqual(taken(input), [], 'a heartbeat is a step of its own');
    assert.deepEqual(
      taken(input).map(([name, ts]) => [name, ts]),
      [['w', 10]],
    );
    assert.equal(input.watermark, 10);
  });

  it('let a heartbeat of a waiting input through when the others have reached it', () => {
    const waiting = source('w', { release: 'at-watermark', watermark: 'carried' });
    const end = heartbeat({ writer: 0, writers: 1, ms: 50 });
    const input = inputOf([source('e', { watermark: 'carried' }), waiting], { e: [end], w: [end] });
    assert.deepEqual(taken(input), [], 'time moves on one input at a time');
    assert.equal(input.watermark, NO_WATERMARK);
    assert.deepEqual(taken(input), []);
    assert.equal(input.watermark, 50);
    assert.deepEqual(
      input.partitions.map(({ position }) => position),
      [1, 1],
    );
  });

  it('do not believe a watermark that no topology would write', () => {
    for (const carried of [
      { writer: 0, writers: 1, ms: Number.NaN },
      { writer: 0, writers: 2 ** 32 - 1, ms: 50 },
      { writer: 3, writers: 2, ms: 50 },
    ]) {
      const input = inputOf([source('a')], { a: [data(7, watermarkHeader(carried))] });
      taken(input);
      assert.equal(input.watermark, 7);
    }
  });

  it('do not follow a record stamped further ahead of the wall clock than is believed', () => {
    const watermark = { outOfOrderMs: 0, futureMs: 10 };
    const input = inputOf([source('a', { watermark })], { a: [data(7), data(11), data(9)] });
    assert.equal(taken(input).length, 3, 'the wall clock stands at 0');
    assert.equal(input.watermark, 9);
  });

  it('are not held back by tables', () => {
    const input = inputOf([source('a'), source('t', { role: 'table', time: 'table' })], {
      a: [data(7)],
      t: [data(1)],
    });
    taken(input);
    assert.equal(input.watermark, 7);
  });
});

describe('the watermark of a partition', () => {
  it('is the least of its writers’, once all have spoken, and never goes back', () => {
    const watermark = new PartitionWatermark(undefined);
    watermark.announce({ writer: 0, writers: 2, ms: 10 });
    assert.equal(watermark.value, NO_WATERMARK);
    watermark.announce({ writer: 1, writers: 2, ms: 7 });
    assert.equal(watermark.value, 7);
    watermark.announce({ writer: 1, writers: 2, ms: 3 });
    assert.equal(watermark.value, 7);
  });

  it('follows outside records at a distance, an announcement, or the wall clock of a live world', () => {
    const watermark = new PartitionWatermark(10);
    watermark.observe(100);
    watermark.observe(50);
    assert.equal(watermark.value, 90);
    watermark.announce({ writer: 0, writers: 1, ms: 101 });
    assert.equal(watermark.value, 101);
    watermark.followWallClock(200);
    assert.equal(watermark.value, 190);
  });

  it('is the same after a restart', () => {
    for (const outOfOrderMs of [undefined, 10]) {
      const before = new PartitionWatermark(outOfOrderMs);
      before.observe(100);
      before.announce({ writer: 1, writers: 2, ms: 95 });
      const after = new PartitionWatermark(outOfOrderMs);
      after.restore(JSON.parse(JSON.stringify(before.save())));
      assert.equal(after.value, before.value);
      for (const watermark of [before, after]) watermark.announce({ writer: 0, writers: 2, ms: 97 });
      assert.equal(after.value, before.value);
      assert.equal(after.value, 95);
    }
  });
});
