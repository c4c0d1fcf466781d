import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AuthenticationError, ResponseError } from '@platformatic/kafka';
import { errorName, loginRefused, translatedError } from './kafka-errors.ts';

const SASL_AUTHENTICATION_FAILED = 58;
const UNKNOWN_TOPIC_OR_PARTITION = 3;
const OPERATION_NOT_ATTEMPTED = 55;

const refused = (...codes: readonly number[]) =>
  new ResponseError(
    24,
    3,
    Object.fromEntries(codes.map((code, i) => [`/partitions/${i}`, [code, null]])),
    {},
  );

test('a refusal is called by its reason, and not by what it kept from being done', () => {
  assert.equal(errorName(refused(OPERATION_NOT_ATTEMPTED)), 'OPERATION_NOT_ATTEMPTED');
  const mixed = refused(OPERATION_NOT_ATTEMPTED, UNKNOWN_TOPIC_OR_PARTITION, OPERATION_NOT_ATTEMPTED);
  assert.equal(errorName(mixed), 'UNKNOWN_TOPIC_OR_PARTITION');
});

test('what is an error of ours already stays the same', () => {
  const cause = new AuthenticationError('login', { cause: refused(SASL_AUTHENTICATION_FAILED) });
  const first = translatedError(cause, 'asking');
  assert.equal((first as { code: string }).code, 'MR_KAFKA_LOGIN');
  assert.equal(translatedError(first, 'committing'), first);
  const other = loginRefused('they want another one', cause);
  assert.equal(translatedError(other, 'committing'), other);
});
