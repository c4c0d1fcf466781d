/** `millrace start`: everything in one process, from an empty directory to live answers. */

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { type Configuration, createLogger, diskFull, freeBytes, lockDirectory, systemClock } from '#platform';
import { checkPort, Interrupted, openInstallation, unlessInterrupted, withShutdown } from '#service';
import { defineCommand, EXIT, endAtLast, type Invocation, portOption } from '../command.ts';
import { notice, type Output } from '../output.ts';
import { bringUp } from './bring-up.ts';

/** Each store takes 18 MB of the disk when it is opened, and leaves what it does not use when it is closed. */
const LEAST_FREE_BYTES = 64_000_000;

type Options = { readonly port?: string };

export function startCommand(command: Command): Command {
  return defineCommand<Options>({
    command: portOption(command),
    examples: [
      ['millrace start', 'on http://127.0.0.1:8080'],
      ['millrace start --port 9000 --data other', 'elsewhere'],
      ['millrace start --set simulation.events=50000', 'a smaller world, where there is none yet'],
      ['millrace start --set simulation.liveEventsPerSecond=0', 'without live agents'],
      ['millrace start --set simulation=off', 'without a world: all events are your own'],
    ],
    notes: `
A new data directory gets a simulated world; a log on Kafka gets none unless simulation.world is on. What is there
already is gone on with: nothing is made twice, and nothing is trained again while a version is promoted. Ctrl-C stops
it in order, with exit code 0 once it serves and 130 before that. It may be killed at any time: the next start completes
what was begun.`,
    flags: ({ port }) => ({ 'http.port': port }),
    run: start,
  });
}

async function start({ configuration, output }: Invocation<Options>): Promise<number> {
  const startedAt = systemClock.monotonic();
  const logger = createLogger({ level: configuration.logging.level, name: 'start' });
  return withShutdown(logger, async (shutdown) => {
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
    notice(output, `The disk of ${data} has ${room} free, less than disk.reserveMb: no events are taken.`);
  }
}

function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}
