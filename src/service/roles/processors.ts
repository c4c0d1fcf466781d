import { describeTopology, servePeers, serveQueries } from '#engine';
import type { HttpServer } from '#platform';
import { getTopology, listTasks } from '../operations.ts';
import type { Pipeline } from '../pipeline.ts';
import type { RolePart } from './role.ts';

/** The processors that run here, as others see them: their stores, their tasks, and whether they go on. */
export function processorsRole({
  processing,
  topology,
  isRestoring = () => false,
}: Pick<Pipeline, 'processing' | 'topology'> & Partial<Pick<Pipeline, 'isRestoring'>>): RolePart {
  let failure: Error | undefined;
  processing.ended.catch((error: Error) => {
    failure = error;
  });
  const problem = () => (failure ? `has failed: ${failure.message}` : processing.heldUp);
  return {
    role: 'processors',
    register: async (server: HttpServer) => {
      await serveQueries(server, processing);
      await servePeers(server, processing);
      server.serve(listTasks, async () => ({ members: await processing.report() }));
      const description = describeTopology(topology);
      server.serve(getTopology, () => description);
      server.addReadyCheck('processing', problem);
    },
    state: () => problem() ?? (isRestoring() ? 'restores its tasks' : 'processes events'),
    waitsFor: () => (isRestoring() ? 'waits until its tasks are assigned and restored' : undefined),
    metrics: () => processing.metrics().catch(() => []),
  };
}
