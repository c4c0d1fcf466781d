/** `millrace start`: everything in one process, from an empty directory to live answers. */

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { createLogger, diskFull, freeBytes, type Logger, lockDirectory, systemClock } from '#platform';
import { checkPort, Interrupted, openInstallation, unlessInterrupted, withShutdown } from '#service';
import type { Configuration } from '#service/configuration';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { notice, type Output } from '../output.ts';
import { bringUp } from './bring-up.ts';

/** Each store takes 18 MB of the disk when it is opened, and leaves what it does not use when it is closed. */
const LEAST_FREE_BYTES = 64_000_000;

/** For what the stopped parts have left in the event loop. */
const LEFT_OVER_MS = 2_000;

type Options = { readonly port?: string };

export function startCommand(command: Command): Command {
  return defineCommand<Options>({
    command: command.option(
      '-p, --port <port>',
      'port of the HTTP server; 0 takes a free one (default: 8080)',
    ),
    examples: [
      ['millrace start', 'on http://127.0.0.1:8080'],
      ['millrace start --port 9000 --data other', 'elsewhere'],
      ['millrace start --set simulation.events=50000', 'a smaller world, if there is none yet'],
      ['millrace start --set simulation.liveEventsPerSecond=0', 'without live agents'],
      ['millrace start --set simulation=off', 'without a world: all events are your own'],
    ],
    notes: `
A new data directory gets a simulated world; a log on Kafka gets none unless simulation.world is on. A start continues
with existing data: nothing is created twice, and nothing is retrained while a version is promoted. Ctrl-C shuts it down
in order, with exit code 0 once it serves and 130 before that. It may be killed at any time: the next start completes what
was under way.`,
    flags: ({ port }) => ({ 'http.port': port }),
    run: start,
  });
}

async function start({ configuration, output }: Invocation<Options>): Promise<number> {
  const startedAt = systemClock.monotonic();
  const logger = createLogger({ level: configuration.logging.level, name: 'start' });
  return withShutdown(configuration, async (shutdown) => {
    const onInterrupt = () => notice(output, '\nStopping ...');
    process.once('SIGINT', onInterrupt);
    requireRoom(configuration, output);
    shutdown.add('terminal', async () => void process.off('SIGINT', onInterrupt));
    const lock = lockDirectory(configuration.data, 'start');
    shutdown.add('data directory', async () => lock.release());
    await checkPort({ configuration, logger });
    const installation = await openInstallation(configuration, shutdown);

    const work = bringUp(installation, { shutdown, output, lock, startedAt });
    // The parts that it adds stop before: where it was interrupted, it fails by that, and then the log is closed.
    shutdown.add('start-up', async () => void (await work.catch(() => {})));
    const { failed } = await unlessInterrupted(work, shutdown.signal);
    await unlessInterrupted(failed, shutdown.signal).catch((error: unknown) => {
      if (!(error instanceof Interrupted)) throw error;
    });
    return EXIT.done;
  }).finally(() => endAtLast(logger));
}

/** Errors: RetryableError MR_DISK_FULL. */
function requireRoom({ data, disk, log }: Configuration, output: Output): void {
  const free = freeBytes(nearestExisting(data));
  if (free < LEAST_FREE_BYTES) throw diskFull(data);
  const room = `${Math.floor(free / 1_000_000)} MB`;
  if (log === 'embedded' && free < disk.reserveMb * 1_000_000) {
    notice(output, `The disk of ${data} has ${room} free, less than disk.reserveMb: no events are accepted.`);
  }
}

function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}

/** Exiting under a worker thread's native code aborts the process, so it is left to end by itself where it does. */
function endAtLast(logger: Logger): void {
  setTimeout(() => {
    logger.error(
      { resources: process.getActiveResourcesInfo() },
      'everything was stopped, but something is still running',
    );
    process.exit();
  }, LEFT_OVER_MS).unref();
}
