import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchBuilder } from '../records/batch-builder.ts';
import { Batch, PartitionQueue, SEQUENCES, sequenceAfter } from './partition-queue.ts';

const channel = {};
const LATER = 1e9;

function batch(records: number): Batch {
  const builder = new BatchBuilder();
  for (let i = 0; i < records; i++) builder.add(null, null, 0);
  return new Batch({ builder, appended() {}, failed() {}, split: () => [] }, LATER);
}

/** A queue whose leader remembers its producer, at sequence number 1. */
function begun(epoch = 0): PartitionQueue {
  const queue = new PartitionQueue('t', 0, { producerId: 1, epoch });
  const first = batch(1);
  queue.add(first);
  assert.equal(queue.take(channel), first);
  queue.acknowledge(first, 1, 0);
  return queue;
}

const numbers = (batches: readonly Batch[]) =>
  batches.map(({ numbered }) => numbered && `${numbered.producerId}.${numbered.epoch}.${numbered.sequence}`);

function takeAll(queue: PartitionQueue): Batch[] {
  const taken: Batch[] = [];
  while (queue.canTake(channel, 0)) taken.push(queue.take(channel));
  return taken;
}

test('the first batch goes alone; then five are in flight, one numbered behind the other', () => {
  const queue = new PartitionQueue('t', 0, { producerId: 1, epoch: 0 });
  const batches = [2, 3, 1, 1, 1, 1, 1].map(batch);
  for (const each of batches) queue.add(each);
  assert.deepEqual(takeAll(queue), batches.slice(0, 1));
  queue.acknowledge(batches[0] as Batch, 2, 0);
  assert.deepEqual(takeAll(queue), batches.slice(1, 6));
  assert.deepEqual(numbers(batches), ['1.0.0', '1.0.2', '1.0.5', '1.0.6', '1.0.7', '1.0.8', undefined]);
});

test('no batch follows by another connection, or when the leader may have forgotten the producer', () => {
  const queue = begun();
  for (const each of [batch(1), batch(1), batch(1)]) queue.add(each);
  queue.take(channel);
  assert.equal(queue.canTake({}, 0), false);
  assert.equal(queue.canTake(channel, LATER), false);
  assert.equal(queue.canTake(channel, 0), true);
});

test('what comes back goes again as it was and in order, one by one until something is acknowledged', () => {
  const queue = begun();
  const batches = [batch(1), batch(1), batch(1), batch(1)];
  for (const each of batches) queue.add(each);
  const [first, second, third] = takeAll(queue) as [Batch, Batch, Batch];
  const before = numbers(batches);
  queue.putBack(second);
  assert.equal(queue.canTake(channel, 0), false, 'others are in flight');
  queue.putBack(first);
  queue.putBack(third);
  queue.putBack(batches[3] as Batch);
  assert.deepEqual(takeAll(queue), [first]);
  queue.acknowledge(first, 2, 0);
  assert.deepEqual(takeAll(queue), [second]);
  assert.deepEqual(numbers(batches), before);
});

test('behind a batch that is refused the others get a new epoch', () => {
  const queue = begun();
  const [earlier, refused, later, last] = [batch(1), batch(2), batch(3), batch(4)] as [
    Batch,
    Batch,
    Batch,
    Batch,
  ];
  for (const each of [earlier, refused, later, last]) queue.add(each);
  takeAll(queue);
  const parts = [batch(1), batch(1)];
  queue.refuse(refused, parts);
  queue.putBack(earlier);
  queue.putBack(later);
  queue.putBack(last);
  // What was numbered before it keeps its number: the leader may have it.
  assert.deepEqual(takeAll(queue), [earlier]);
  assert.deepEqual(numbers([earlier]), ['1.0.1']);
  queue.acknowledge(earlier, 2, 0);
  assert.deepEqual(takeAll(queue), [parts[0]]);
  queue.acknowledge(parts[0] as Batch, 3, 0);
  assert.deepEqual(takeAll(queue), [parts[1], later, last]);
  assert.deepEqual(numbers([...parts, later, last]), ['1.1.0', '1.1.1', '1.1.2', '1.1.5']);
});

test('behind a batch that is given up the others keep their numbers, and new ones get a new epoch', () => {
  const queue = begun();
  const [expired, later, fresh] = [batch(1), batch(1), batch(1)] as [Batch, Batch, Batch];
  expired.deadline = 5;
  queue.add(expired);
  queue.add(later);
  takeAll(queue);
  queue.putBack(expired);
  queue.putBack(later);
  queue.add(fresh);
  assert.deepEqual(queue.giveUpExpired(4), []);
  assert.deepEqual(queue.giveUpExpired(5), [expired]);
  assert.deepEqual(takeAll(queue), [later]);
  queue.acknowledge(later, 3, 0);
  assert.deepEqual(takeAll(queue), [fresh]);
  assert.deepEqual(numbers([later, fresh]), ['1.0.2', '1.1.0']);
});

test('after the last epoch there has to be another producer id', () => {
  const queue = begun(32_767);
  const [refused, next] = [batch(1), batch(1)] as [Batch, Batch];
  queue.add(refused);
  queue.add(next);
  queue.refuse(queue.take(channel), []);
  assert.equal(queue.needsProducerId, true);
  assert.equal(queue.canTake(channel, 0), false);
  queue.renew({ producerId: 2, epoch: 0 });
  assert.deepEqual(takeAll(queue), [next]);
  assert.deepEqual(numbers([next]), ['2.0.0']);
});

test('sequence numbers begin again after the last', () => {
  assert.equal(sequenceAfter(SEQUENCES - 1, 1), 0);
  assert.equal(sequenceAfter(SEQUENCES - 2, 5), 3);
});
