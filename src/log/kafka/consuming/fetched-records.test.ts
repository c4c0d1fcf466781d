import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchBuilder } from '../records/batch-builder.ts';
import { LEADER_EPOCH } from '../records/batch-format.ts';
import { survey } from './fetched-records.ts';

function batchOf(valueBytes: number, leaderEpoch: number): Buffer {
  const builder = new BatchBuilder();
  builder.add(null, Buffer.alloc(valueBytes), 1);
  const bytes = builder.finish({
    producerId: -1,
    epoch: -1,
    sequence: -1,
    isTransactional: false,
    compression: 'none',
  });
  bytes.writeInt32BE(leaderEpoch, LEADER_EPOCH);
  return bytes;
}

test('the epoch is that of the last whole batch, and the size that of the largest, whole or not', () => {
  const [small, large] = [batchOf(10, 3), batchOf(1000, 5)];
  const both = { lastEpoch: 5, largestBytes: large.length };
  assert.deepEqual(survey(Buffer.concat([small, large])), both);
  assert.deepEqual(survey(Buffer.concat([large, small])), { ...both, lastEpoch: 3 });
  const cut = Buffer.concat([small, large.subarray(0, 100)]);
  assert.deepEqual(survey(cut), { lastEpoch: 3, largestBytes: large.length });
  assert.deepEqual(survey(large.subarray(0, 20)), { lastEpoch: -1, largestBytes: large.length });
});

test('bytes that tell nothing', () => {
  assert.deepEqual(survey(Buffer.alloc(0)), { lastEpoch: -1, largestBytes: 0 });
  assert.deepEqual(survey(Buffer.alloc(11)), { lastEpoch: -1, largestBytes: 0 });
  assert.equal(survey(Buffer.alloc(40)).lastEpoch, -1);
  assert.equal(survey(Buffer.alloc(40, 0xff)).lastEpoch, -1);
});
