import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reader, Writer } from '@platformatic/kafka';
import { createRequest, parseResponse } from './produce-request.ts';

test('a request names each topic once, with its partitions and their batches as they are', () => {
  const batch = (topic: string, partition: number, text: string) => ({
    topic,
    partition,
    bytes: Buffer.from(text),
  });
  const written = createRequest('id', [batch('a', 0, 'one'), batch('b', 3, 'two'), batch('a', 2, 'three')]);
  const reader = Reader.from(written.buffer);
  assert.equal(reader.readString(), 'id');
  assert.equal(reader.readInt16(), -1, 'all replicas in sync');
  assert.ok(reader.readInt32() > 0);
  const topics = reader.readArray((topic) => ({
    name: topic.readString(),
    partitions: topic.readArray((partition) => [partition.readInt32(), partition.readBytes().toString()]),
  }));
  assert.deepEqual(topics, [
    {
      name: 'a',
      partitions: [
        [0, 'one'],
        [2, 'three'],
      ],
    },
    { name: 'b', partitions: [[3, 'two']] },
  ]);
  reader.readTaggedFields();
  assert.equal(reader.remaining, 0);
});

test('each partition has its own answer, also where another is refused', () => {
  const leader = Writer.create().appendInt32(2).appendInt32(7).appendTaggedFields();
  const partition = (writer: Writer, index: number, code: number, offset: bigint, errors: string[]) => {
    writer.appendInt32(index).appendInt16(code).appendInt64(offset).appendInt64(-1n).appendInt64(0n);
    writer.appendArray(errors, (each, text) => each.appendInt32(0).appendString(text)).appendString(null);
    // The leader, which the broker adds as a tagged field.
    if (code === 0) return writer.appendTaggedFields();
    return writer
      .appendUnsignedVarInt(1)
      .appendUnsignedVarInt(0)
      .appendUnsignedVarInt(leader.length)
      .appendFrom(leader);
  };
  const response = Writer.create()
    .appendArray(['a', 'b'], (topic, name) =>
      topic.appendString(name).appendArray(
        name === 'a' ? [0, 1] : [5],
        (writer, index) => {
          if (index === 1) partition(writer, 1, 6, -1n, []);
          else
            partition(
              writer,
              index,
              index === 5 ? 87 : 0,
              index === 5 ? -1n : 41n,
              index === 5 ? ['no key'] : [],
            );
        },
        true,
        false,
      ),
    )
    .appendInt32(0)
    .appendTaggedFields();
  assert.deepEqual(parseResponse(1, 0, 11, Reader.from(response.buffer)), [
    { topic: 'a', partition: 0, code: 0, baseOffset: 41, message: null },
    { topic: 'a', partition: 1, code: 6, baseOffset: -1, message: null },
    { topic: 'b', partition: 5, code: 87, baseOffset: -1, message: 'no key' },
  ]);
});
