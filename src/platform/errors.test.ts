import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ConfigurationError,
  errorCode,
  InputError,
  InvariantError,
  invariant,
  RetryableError,
} from './errors.ts';

describe('errors', () => {
  it('carry class, code, hint and cause', () => {
    const cause = new Error('below');
    const error = new RetryableError('MR_TEST', 'not now', { hint: 'try again', cause });
    const { name, code, hint, message, remedy } = error;
    assert.deepEqual(
      [name, code, hint, message, remedy],
      ['RetryableError', 'MR_TEST', 'try again', 'not now', 'retry'],
    );
    assert.equal(error.cause, cause);
    assert.equal('cause' in new InputError('MR_TEST', 'wrong'), false);
    assert.equal(new ConfigurationError('MR_TEST', 'wrong').remedy, 'fix-configuration');
  });

  it('have declared codes alone, of their remedy: the compiler says', () => {
    // @ts-expect-error
    assert.ok(new InputError('MR_NOWHERE', 'declared nowhere'));
    // @ts-expect-error
    assert.ok(new RetryableError('MR_HTTP_QUERY', 'declared to be fixed in the input'));
  });

  it('tell the code of anything thrown', () => {
    assert.equal(errorCode(new InputError('MR_TEST', 'wrong')), 'MR_TEST');
    assert.equal(errorCode(Object.assign(new Error('in use'), { code: 'EADDRINUSE' })), 'EADDRINUSE');
    for (const other of [new Error('plain'), 'text', null, undefined, { code: 5 }])
      assert.equal(errorCode(other), undefined);
  });

  it('stop at a broken invariant', () => {
    invariant(true, 'holds');
    assert.throws(() => invariant(false, 'broken'), { name: InvariantError.name, code: 'MR_INVARIANT' });
  });
});
