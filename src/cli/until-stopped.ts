/** Commands that serve until Ctrl-C. */
import type { Command } from 'commander';
import { createLogger, type Shutdown } from '#platform';
import { Interrupted, unlessInterrupted, withShutdown } from '#service';
import type { Configuration } from '#service/configuration';
import { EXIT, type Invocation } from './command.ts';
import { notice } from './output.ts';

/** For what the stopped parts have left in the event loop. */
const LEFT_OVER_MS = 2_000;

export type ServingOptions = { readonly port?: string; readonly insecure?: true };

export function servingOptions(command: Command): Command {
  return command
    .option('-p, --port <port>', 'port of the HTTP server; 0 picks a free one (default: 8080)')
    .option('--insecure', 'require no token, although http.host is reachable from other machines');
}

export function servingFlags({
  port,
  insecure,
}: ServingOptions): Readonly<Record<string, string | undefined>> {
  return { 'http.port': port, 'access.insecure': insecure && 'on' };
}

/**
 * Opens, brings up what serves, and waits for Ctrl-C, or for `failed` to reject. Returns exit code 0; rejects with
 * Interrupted where Ctrl-C comes before everything is up.
 */
export async function untilStopped<T>(
  { configuration, output }: Invocation<ServingOptions>,
  open: (shutdown: Shutdown) => Promise<T>,
  bringUp: (opened: T, shutdown: Shutdown) => Promise<{ readonly failed: Promise<unknown> }>,
): Promise<number> {
  return withShutdown(configuration, async (shutdown) => {
    const onInterrupt = () => notice(output, '\nStopping ...');
    process.once('SIGINT', onInterrupt);
    shutdown.add('terminal', async () => void process.off('SIGINT', onInterrupt));
    const opened = await open(shutdown);
    const work = bringUp(opened, shutdown);
    // The parts that it adds stop before: where it was interrupted, it fails by that, and then the log is closed.
    shutdown.add('start-up', async () => void (await work.catch(() => {})));
    const { failed } = await unlessInterrupted(work, shutdown.signal);
    await unlessInterrupted(failed, shutdown.signal).catch((error: unknown) => {
      if (!(error instanceof Interrupted)) throw error;
    });
    return EXIT.done;
  }).finally(() => endAtLast(configuration));
}

/** Exiting under a worker thread's native code aborts the process, so it is left to end by itself where it does. */
function endAtLast({ logging }: Pick<Configuration, 'logging'>): void {
  setTimeout(() => {
    createLogger({ level: logging.level, name: 'millrace' }).error(
      { resources: process.getActiveResourcesInfo() },
      'everything was stopped, but something is still running',
    );
    process.exit();
  }, LEFT_OVER_MS).unref();
}
