/** A topology of the user's own as a process runs it: `millrace run`. */

import { join } from 'node:path';
import type { Topology } from '#engine';
import { lockDirectory, type Shutdown, systemClock } from '#platform';
import { openTopologyOfModule, startProcessing, stateDirectoryOf } from '#processing';
import { cleanPeriodically } from './cleaning.ts';
import type { LogInstallation } from './installation.ts';
import { advertisedAddress, serveOwnTopology } from './server.ts';

export type OwnTopology = {
  readonly topology: Topology;
  readonly url: string;
  /** Rejects when processing ends by itself. */
  readonly failed: Promise<void>;
};

/**
 * Runs the topology of the module at `path` on an opened log until `shutdown`, beside a start or alone. A second
 * process of the same topology shares its tasks, from a data directory of its own. `accepted`: the hash of its plan. Errors: those of openTopologyOfModule and
 * startProcessing; ConfigurationError MR_DATA_LOCKED where another process runs it from this data directory.
 */
export async function runOwnTopology(
  path: string,
  installation: LogInstallation,
  shutdown: Shutdown,
  accepted?: string,
): Promise<OwnTopology> {
  const topology = await openTopologyOfModule(path, installation);
  const stateDirectory = join(installation.directory, 'state');
  // Under one name, two members would throw each other out of the group for ever.
  const lock = lockDirectory(stateDirectoryOf(topology, stateDirectory), `run ${path}`);
  shutdown.add('stores', async () => lock.release());
  const processing = await startProcessing({
    ...installation,
    runs: { module: path },
    topology,
    accepted,
    stateDirectory,
    endpoint: advertisedAddress(installation.configuration),
    signal: shutdown.signal,
  });
  shutdown.add('processing', () => processing.stop());
  const url = await serveOwnTopology(installation, { processing, topology }, shutdown);
  // Brokers clean by themselves; a start beside this process takes turns with it.
  if (installation.embedded !== undefined) {
    const { embedded: log } = installation;
    const cleaning = cleanPeriodically({ ...installation, log, clock: systemClock, signal: shutdown.signal });
    shutdown.add('cleaning', () => cleaning);
  }
  return { topology, url, failed: processing.ended };
}
