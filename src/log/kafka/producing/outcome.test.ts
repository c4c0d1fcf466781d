import assert from 'node:assert/strict';
import { test } from 'node:test';
import { protocolErrors } from '@platformatic/kafka';
import { type Outcome, outcomeOf, refusal } from './outcome.ts';

const named = (name: string) =>
  outcomeOf(Object.values(protocolErrors).find(({ id }) => id === name)?.code ?? 0);

test('what an answer means', () => {
  const expected: readonly (readonly [Outcome, readonly string[]])[] = [
    ['appended', ['NONE', 'DUPLICATE_SEQUENCE_NUMBER']],
    [
      'again',
      ['NOT_ENOUGH_REPLICAS', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'REQUEST_TIMED_OUT', 'CORRUPT_MESSAGE'],
    ],
    [
      'moved',
      ['NOT_LEADER_OR_FOLLOWER', 'LEADER_NOT_AVAILABLE', 'FENCED_LEADER_EPOCH', 'KAFKA_STORAGE_ERROR'],
    ],
    ['unknown-topic', ['UNKNOWN_TOPIC_OR_PARTITION']],
    ['gap', ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID']],
    ['refused', ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_TIMESTAMP', 'INVALID_RECORD']],
    [
      'failed',
      ['INVALID_PRODUCER_EPOCH', 'INVALID_TXN_STATE', 'TOPIC_AUTHORIZATION_FAILED', 'UNKNOWN_SERVER_ERROR'],
    ],
  ];
  for (const [outcome, names] of expected) for (const name of names) assert.equal(named(name), outcome, name);
});

test('a refusal of records says which error it was', () => {
  const answer = { topic: 't', partition: 1, baseOffset: -1, message: 'because' };
  const large = refusal({ ...answer, code: 10 });
  assert.equal(large.code, 'MR_RECORD_TOO_LARGE');
  assert.match(large.message, /t accepts \(partition 1\): MESSAGE_TOO_LARGE, because/);
  assert.equal(refusal({ ...answer, code: 32 }).code, 'MR_LOG_INVALID_RECORD');
});
