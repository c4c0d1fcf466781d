/** Telling others what becomes of versions, as long as "millrace start" runs. */
import { notify } from '#notifications';
import { type Shutdown, systemClock } from '#platform';
import type { Installation } from './installation.ts';
import { runUntilShutdown } from './interruption.ts';

/** Starts it where a receiver is configured. `failed` rejects when it ends by itself. */
export function startNotifications(
  { log, topics, logger, metrics, instanceId, configuration }: Installation,
  shutdown: Shutdown,
): { readonly failed: Promise<never> } {
  const { url, format, secret, statuses } = configuration.notifications;
  if (url === undefined) return { failed: new Promise<never>(() => {}) };
  const options = { log, topics, clock: systemClock, logger, metrics, instanceId };
  return runUntilShutdown('notifications', shutdown, (signal) =>
    notify({ ...options, url, format, secret, statuses }, signal),
  );
}
