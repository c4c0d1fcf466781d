/** How old the backup of a data directory is, as who backs it up has noted there: this process or another, or nobody any more. */
import { readBackupStatus } from '#backup';
import { inPasses, type Shutdown, systemClock } from '#platform';
import type { Installation } from './installation.ts';

const LOOK_MS = 5_000;

/** Shows it as a metric until `shutdown`; there is none where nothing was ever backed up. */
export function watchBackup(
  { configuration, logger, metrics }: Pick<Installation, 'configuration' | 'logger' | 'metrics'>,
  shutdown: Shutdown,
): void {
  const look = async () => {
    const status = await readBackupStatus(configuration.data);
    if (status === undefined || status.shippedAt === 0) return;
    const help = 'Time before which everything that was acknowledged is in the backup, ms since the epoch.';
    metrics.gauge('backup_shipped_ms', help).set(status.shippedAt);
  };
  const failures = metrics.counter(
    'backup_watch_failures_total',
    'Failed looks at how old the backup of the data directory is.',
  );
  const message = 'how old the backup is cannot be read';
  const { signal } = shutdown;
  const watching = look()
    .catch(() => {})
    .then(() =>
      inPasses({ clock: systemClock, logger, intervalMs: LOOK_MS, failures, message, signal }, look),
    );
  shutdown.add('age of the backup', () => watching);
}
