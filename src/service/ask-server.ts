/** Asking the server that "millrace start" runs on a data directory. */
import { ApiError, type Client, createClient } from '#client';
import { InputError, inspectLock, type MillraceError, RetryableError, relayed } from '#platform';
import type { Configuration } from './configuration.ts';
import type { RoleName } from './roles/role.ts';
import { fetchByCertificate } from './served-certificate.ts';

/**
 * The address of the process that has the role on a data directory; undefined where none runs. Errors: RetryableError MR_SERVER_STARTING while it does not serve yet.
 */
export function serverAddress({ data }: Pick<Configuration, 'data'>, role: RoleName): string | undefined {
  const { held, purpose, address } = inspectLock(data, role);
  if (!held || purpose !== 'start' || address !== undefined) return address;
  throw new RetryableError(
    'MR_SERVER_STARTING',
    '"millrace start" is starting on this data and does not serve yet.',
    { hint: 'Retry when it has printed its address.' },
  );
}

/**
 * The answer to what is asked of the server. Errors: RetryableError MR_SERVER_UNREACHABLE; what the server refuses, by its own
 * code, as InputError or RetryableError.
 */
export async function askServer<T>(
  configuration: Pick<Configuration, 'token' | 'admin' | 'http'>,
  address: string,
  ask: (client: Client) => Promise<T>,
): Promise<T> {
  // A connection that stays open would hold up the server's closing, and the end of this process.
  const headers = { connection: 'close' };
  const { token, admin } = configuration;
  const fetch = fetchByCertificate(configuration);
  const client = createClient({ url: address, token: token ?? admin.token, headers, fetch });
  try {
    return await ask(client);
  } catch (error) {
    throw error instanceof ApiError ? refusal(error) : unreachable(address, error);
  }
}

function refusal({ status, message, code = 'MR_SERVER_UNREACHABLE', problem }: ApiError): MillraceError {
  const details = problem?.hint === undefined ? {} : { hint: problem.hint };
  return status < 500
    ? new InputError(relayed(code), message, details)
    : new RetryableError(relayed(code), message, details);
}

function unreachable(address: string, cause: unknown): RetryableError {
  return new RetryableError('MR_SERVER_UNREACHABLE', `The server at ${address} does not respond.`, {
    hint: 'Retry in a moment; if it persists, restart "millrace start".',
    cause,
  });
}
