import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reader, Writer } from '@platformatic/kafka';
import { errorName } from '../wire/kafka-errors.ts';
import { type PartitionAnswer, parseFetchResponse } from './fetch-response.ts';

const TOPIC_ID = '01234567-89ab-cdef-0123-456789abcdef';

type Tag = readonly [tag: number, bytes: Buffer];
type Partition = Partial<PartitionAnswer> & { readonly tags?: readonly Tag[] };

/** As a broker lays it out. */
function responseOf(partitions: readonly Partition[], errorCode = 0): Writer {
  return Writer.create()
    .appendInt32(0)
    .appendInt16(errorCode)
    .appendInt32(0)
    .appendArray([TOPIC_ID], (topic, id) => {
      topic.appendUUID(id).appendArray([...partitions], writePartition, true, false);
    })
    .appendTaggedFields();
}

function writePartition(writer: Writer, partition: Partition): void {
  const { aborted = [], records = null, tags = [] } = partition;
  writer
    .appendInt32(partition.partition ?? 0)
    .appendInt16(partition.errorCode ?? 0)
    .appendInt64(BigInt(partition.highWatermark ?? -1))
    .appendInt64(BigInt(partition.lastStableOffset ?? -1))
    .appendInt64(0n)
    .appendArray([...aborted], (each, { producerId, firstOffset }) => {
      each.appendInt64(BigInt(producerId)).appendInt64(BigInt(firstOffset));
    })
    .appendInt32(-1)
    .appendUnsignedVarInt(records === null ? 1 : records.length + 1);
  if (records !== null) writer.append(records);
  writer.appendUnsignedVarInt(tags.length);
  for (const [tag, bytes] of tags) {
    writer.appendUnsignedVarInt(tag).appendUnsignedVarInt(bytes.length).append(bytes);
  }
}

const parse = (response: Writer) => parseFetchResponse(1, 1, 16, Reader.from(response));

test('each partition has its own answer, whatever became of the others', () => {
  const records = Buffer.from('records');
  const aborted = [
    { producerId: 7, firstOffset: 3 },
    { producerId: 8, firstOffset: 1 },
  ];
  const answers = parse(
    responseOf([
      { partition: 3, errorCode: 6 },
      { partition: 1, highWatermark: 20, lastStableOffset: 2 ** 40, aborted, records },
      { partition: 2, highWatermark: 9, lastStableOffset: 9 },
    ]),
  );
  const empty = { topicId: TOPIC_ID, errorCode: 0, aborted: [], divergedAt: undefined, records: null };
  assert.deepEqual(answers, [
    { ...empty, partition: 3, errorCode: 6, highWatermark: -1, lastStableOffset: -1 },
    { ...empty, partition: 1, highWatermark: 20, lastStableOffset: 2 ** 40, aborted, records },
    { ...empty, partition: 2, highWatermark: 9, lastStableOffset: 9 },
  ]);
});

test('a log that has diverged says where, among fields that nobody here knows', () => {
  const divergence = Buffer.alloc(13);
  divergence.writeInt32BE(4);
  divergence.writeBigInt64BE(17n, 4);
  const tags: Tag[] = [
    [0, divergence],
    [1, Buffer.alloc(9, 1)],
  ];
  const [first, second] = parse(responseOf([{ tags }, { partition: 1, highWatermark: 5 }]));
  assert.equal(first?.divergedAt, 17);
  assert.equal(second?.highWatermark, 5);
});

test('a refusal of the whole request is thrown', () => {
  assert.throws(
    () => parse(responseOf([], 35)),
    (error) => errorName(error) === 'UNSUPPORTED_VERSION',
  );
});

test('a number that is not exact is refused', () => {
  assert.throws(() => parse(responseOf([{ highWatermark: 2 ** 60 }])), /2\^53/);
});
