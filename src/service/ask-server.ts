/** Asking the server that "millrace start" runs on a data directory. */
import { InputError, inspectLock, RetryableError, relayed } from '#platform';
import type { Configuration } from './configuration.ts';

/** Its address; undefined where none runs. Errors: RetryableError MR_SERVER_STARTING while it does not serve yet. */
export function serverAddress({ data }: Pick<Configuration, 'data'>): string | undefined {
  const { held, purpose, address } = inspectLock(data);
  if (!held || purpose !== 'start' || address !== undefined) return address;
  throw new RetryableError(
    'MR_SERVER_STARTING',
    '"millrace start" is starting on this data and does not serve yet.',
    { hint: 'Retry when it has printed its address.' },
  );
}

/**
 * The answer to a request. Errors: RetryableError MR_SERVER_UNREACHABLE; what the server refuses, by its own code, as
 * InputError or RetryableError.
 */
export async function askServer<T>(address: string, path: string, body?: object): Promise<T> {
  const init: RequestInit =
    body === undefined
      ? { headers: { connection: 'close' } }
      : {
          method: 'POST',
          headers: { connection: 'close', 'content-type': 'application/json' },
          body: JSON.stringify(body),
        };
  const response = await fetch(`${address}${path}`, init).catch((cause: unknown) => {
    throw new RetryableError('MR_SERVER_UNREACHABLE', `The server at ${address} does not respond.`, {
      hint: 'Retry in a moment; if it persists, restart "millrace start".',
      cause,
    });
  });
  const answer = (await response.json()) as T & { code?: string; message?: string; hint?: string };
  if (response.ok) return answer;
  const {
    code = 'MR_SERVER_UNREACHABLE',
    message = `${response.status} ${response.statusText}`,
    hint,
  } = answer;
  const details = hint === undefined ? {} : { hint };
  throw response.status < 500
    ? new InputError(relayed(code), message, details)
    : new RetryableError(relayed(code), message, details);
}
