/** Telling others what becomes of versions and jobs, as long as "millrace start" runs. */
import { type Channel, notify, openMail, webHook } from '#notifications';
import { type Shutdown, systemClock } from '#platform';
import type { Installation } from './installation.ts';
import { runUntilShutdown } from './interruption.ts';

/** Starts the channels that are configured. `failed` rejects when one ends by itself. Errors: those of openMail. */
export async function startNotifications(
  installation: Installation,
  shutdown: Shutdown,
): Promise<{ readonly failed: Promise<never> }> {
  const { statuses, jobs: jobStatuses } = installation.configuration.notifications;
  const options = { ...installation, clock: systemClock, statuses, jobStatuses };
  const started = (await channelsOf(installation)).map((channel) =>
    runUntilShutdown(channel.group, shutdown, (signal) => notify({ ...options, channel }, signal)),
  );
  return { failed: Promise.race([...started.map(({ failed }) => failed), new Promise<never>(() => {})]) };
}

async function channelsOf({
  configuration: { notifications, mail },
  secrets,
}: Installation): Promise<readonly Channel[]> {
  const channels: Channel[] = [];
  if (notifications.url !== undefined) {
    const { format } = notifications;
    channels.push(webHook({ receiver: () => secrets.receiver, format, clock: systemClock }));
  }
  const { server, from, ...rest } = mail;
  if (server !== undefined && from !== undefined) channels.push(await openMail({ server, from, ...rest }));
  return channels;
}
