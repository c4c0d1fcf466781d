import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reader, Writer } from '@platformatic/kafka';
import { errorName } from '../wire/kafka-errors.ts';
import { parseEndTxn } from './transaction-protocol.ts';

const answer = (code: number, producerId: bigint, epoch: number) =>
  Reader.from(
    Writer.create()
      .appendInt32(0)
      .appendInt16(code)
      .appendInt64(producerId)
      .appendInt16(epoch)
      .appendTaggedFields().buffer,
  );

test('the end of a transaction tells as whom the producer goes on', () => {
  assert.deepEqual(parseEndTxn(1, 26, 5, answer(0, 4_000_000_000n, 7)), {
    producerId: 4_000_000_000,
    epoch: 7,
  });
});

test('an end that is refused says why', () => {
  const refused = (error: unknown) => errorName(error) === 'CONCURRENT_TRANSACTIONS';
  assert.throws(() => parseEndTxn(1, 26, 5, answer(51, -1n, -1)), refused);
});
