import type { Connection } from '@platformatic/kafka';
import type { Cluster, CoordinatorKind } from './cluster.ts';
import { type RetryOptions, retrying } from './retry.ts';

export type Coordinated = {
  readonly kind: CoordinatorKind;
  /** The group or transactional id, as the port calls it. */
  readonly key: string;
  /** Which connection to use; by default one shared by all requests that are answered at once. */
  readonly purpose?: string;
};

/**
 * Asks the coordinator of a group or of a transactional id, and the next coordinator where it has moved. Errors: as of
 * `retrying`.
 */
export function askCoordinator<T>(
  cluster: Cluster,
  { kind, key, purpose = `${kind}s` }: Coordinated,
  request: (connection: Connection) => Promise<T>,
  { before, ...options }: RetryOptions = {},
): Promise<T> {
  return retrying(
    cluster,
    async () => request(await cluster.connection(await cluster.coordinator(kind, key), purpose)),
    {
      what: `${kind} ${key}`,
      ...options,
      before: async (error) => {
        cluster.forgetCoordinator(kind, key);
        await before?.(error);
      },
    },
  );
}
