import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ConfigurationError,
  FatalError,
  InputError,
  InvariantError,
  type MillraceError,
  RetryableError,
} from '../errors.ts';
import { toError, toFailure } from './failure.ts';

const acrossThreads = (error: unknown): Error => toError(structuredClone(toFailure(error)));

test('an error of ours arrives with its class, code, message, hint and stack', () => {
  const errors: MillraceError[] = [
    new RetryableError('MR_DISK_FULL', 'no room', { hint: 'make room' }),
    new FatalError('MR_LOG_FENCED', 'fenced'),
    new InputError('MR_LOG_INVALID_TOPIC', 'bad'),
    new ConfigurationError('MR_KAFKA_URL', 'wrong address', { hint: 'correct it' }),
    new InvariantError('a bug'),
  ];
  for (const error of errors) {
    const arrived = acrossThreads(error) as MillraceError;
    assert.equal(arrived.constructor, error.constructor);
    const { code, message, hint, stack, remedy } = error;
    assert.deepEqual(
      [arrived.code, arrived.message, arrived.hint, arrived.stack, arrived.remedy],
      [code, message, hint, stack, remedy],
    );
  }
});

test('another error keeps its message, its stack and a code where it has one', () => {
  const missing = Object.assign(new RangeError('not there'), { code: 'ENOENT' });
  const { message, stack, code } = acrossThreads(missing) as NodeJS.ErrnoException;
  assert.deepEqual([message, stack, code], ['not there', missing.stack, 'ENOENT']);
  assert.equal('code' in acrossThreads(new Error('plain')), false);
  assert.equal(acrossThreads('thrown text').message, 'thrown text');
});
