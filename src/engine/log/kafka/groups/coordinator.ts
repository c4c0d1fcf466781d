import type { Connection } from '@platformatic/kafka';
import type { Cluster } from '../wire/cluster.ts';
import { type RetryOptions, retrying } from '../wire/retry.ts';

/**
 * Asks the coordinator of a group over the connection for `purpose`, and the next coordinator where the group has moved.
 * Errors: as of `retrying`.
 */
export function askCoordinator<T>(
  cluster: Cluster,
  { group, purpose }: { readonly group: string; readonly purpose: string },
  request: (connection: Connection) => Promise<T>,
  { before, ...options }: RetryOptions = {},
): Promise<T> {
  return retrying(
    cluster,
    async () => {
      const broker = await cluster.coordinator('group', group);
      return request(await cluster.connection(broker, purpose));
    },
    {
      what: `group ${group}`,
      ...options,
      before: async (error) => {
        cluster.forgetCoordinator('group', group);
        await before?.(error);
      },
    },
  );
}

/** The connection of requests that the coordinator answers at once, shared by all groups of a client. */
export const SHARED = 'groups';
