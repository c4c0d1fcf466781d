import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Assigned, Assignment } from '../../assignment.ts';
import type { RecordBatch } from '../../port.ts';
import { EmptyBatch } from '../../stored-batch.ts';
import { Reading } from './reading.ts';

const place = { topic: 'topic', partition: 0 };

function readingFrom(offset: number): Reading {
  const assignment = new Assignment();
  assignment.replace([{ ...place, offset }]);
  return new Reading(assignment.of(place) as Assigned);
}

/** A batch of ten offsets and a hundred bytes. */
function batchAt(offset: number): RecordBatch {
  return Object.defineProperty(new EmptyBatch('topic', 0, offset, offset + 10), 'byteLength', { value: 100 });
}

function filled(): Reading {
  const reading = readingFrom(0);
  reading.answered(1, 'id');
  reading.end = 50;
  reading.add([batchAt(0), batchAt(10), batchAt(20)], 30, 7);
  return reading;
}

test('a poll takes the share of a partition, and one batch at least', () => {
  const reading = filled();
  const batches: RecordBatch[] = [];
  assert.equal(reading.take(1000, 250, batches), 200);
  assert.equal(reading.assigned.position, 20);
  assert.equal(reading.bufferedBytes, 100);
  assert.equal(reading.assigned.end, 50);
  assert.equal(reading.take(99, 99, batches), undefined, 'no room in a poll that has something');
  assert.equal(reading.assigned.position, 20);
  assert.equal(reading.take(1, 1, []), 100, 'the first of a poll');
  assert.equal(reading.take(1, 1, []), 0, 'nothing is there');
  assert.equal(reading.nextOffset, 30);
});

test('a stretch without records moves the position, though it has no bytes', () => {
  const reading = readingFrom(0);
  reading.add([new EmptyBatch('topic', 0, 0, 4)], 4, 0);
  const batches: RecordBatch[] = [];
  assert.equal(reading.take(100, 100, batches), 0);
  assert.equal(batches.length, 1);
  assert.equal(reading.assigned.position, 4);
});

test('the end is never before the position', () => {
  const reading = filled();
  reading.end = 25;
  reading.take(1000, 1000, []);
  assert.equal(reading.assigned.end, 30);
});

test('a failure comes behind what was fetched before it, alone, and once', () => {
  const reading = filled();
  reading.fail(new Error('gone'));
  assert.equal(reading.isWanted, false);
  const batches: RecordBatch[] = [];
  assert.equal(reading.take(1000, 1000, batches), 300);
  assert.equal(reading.take(1000, 1000, batches), undefined, 'the poll has something');
  assert.throws(() => reading.take(1000, 1000, []), /gone/);
  assert.equal(reading.isWanted, true);
  assert.equal(reading.lastEpoch, 7, 'the leader can still tell that its log is another one');
  assert.equal(reading.take(1000, 1000, []), 0);
});

test('rewinding gives up what was fetched, and its epoch', () => {
  const reading = filled();
  reading.take(1000, 100, []);
  reading.rewind();
  assert.equal(reading.nextOffset, 10);
  assert.equal(reading.bufferedBytes, 0);
  assert.equal(reading.lastEpoch, -1);
});

test('an answer is awaited once, until there is one', () => {
  const reading = readingFrom(0);
  reading.awaitAnswer(100, 50);
  reading.awaitAnswer(140, 50);
  assert.equal(reading.awaitedUntil, 150);
  reading.answered(145, 'id');
  assert.ok(reading.awaitedUntil < 145);
  reading.awaitAnswer(200, 50);
  assert.equal(reading.awaitedUntil, 250);
});
