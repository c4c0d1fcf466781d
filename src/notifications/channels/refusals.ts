import { InputError, RetryableError } from '#platform';

export function undelivered(why: string, cause?: unknown): RetryableError {
  return new RetryableError('MR_NOTIFICATION_UNDELIVERED', `The receiver of notifications ${why}.`, {
    hint: 'It is retried with back-off.',
    ...(cause !== undefined && { cause }),
  });
}

export function refused(answer: string, hint: string): InputError {
  return new InputError(
    'MR_NOTIFICATION_REFUSED',
    `The receiver of notifications responded with ${answer}.`,
    {
      hint,
    },
  );
}
