/** `millrace start`: everything in one process, from an empty directory to live answers. */

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { diskFull, freeBytes, lockDirectory, type Shutdown, systemClock } from '#platform';
import { checkPort, openInstallation } from '#service';
import type { Configuration } from '#service/configuration';
import { defineCommand, type Invocation } from '../command.ts';
import { notice, type Output } from '../output.ts';
import { portOption, type ServingOptions, untilStopped } from '../until-stopped.ts';
import { bringUp } from './bring-up.ts';

/** Each store takes 18 MB of the disk when it is opened, and leaves what it does not use when it is closed. */
const LEAST_FREE_BYTES = 64_000_000;

export function startCommand(command: Command): Command {
  return defineCommand<ServingOptions>({
    command: portOption(command),
    examples: [
      ['millrace start', 'on http://127.0.0.1:8080'],
      ['millrace start --port 9000 --data other', 'elsewhere'],
      ['millrace start --set simulation.events=50000', 'a smaller world, if there is none yet'],
      ['millrace start --set simulation.liveEventsPerSecond=0', 'without live agents'],
      ['millrace start --set simulation=off', 'without a world: all events are your own'],
    ],
    notes: `
A new data directory gets a simulated world; a log on Kafka gets none unless simulation.world is on. A start continues
with existing data: nothing is created twice, and nothing is retrained while a version is promoted. Ctrl-C shuts it
down in order, with exit code 0 once it serves and 130 before that. It may be killed at any time: the next start
completes what was under way.`,
    flags: ({ port }) => ({ 'http.port': port }),
    run: start,
  });
}

async function start(invocation: Invocation<ServingOptions>): Promise<number> {
  const { configuration, output } = invocation;
  const startedAt = systemClock.monotonic();
  requireRoom(configuration, output);
  const open = async (shutdown: Shutdown) => {
    const lock = lockDirectory(configuration.data, 'start');
    shutdown.add('data directory', async () => lock.release());
    await checkPort(configuration);
    return { lock, installation: await openInstallation(configuration, shutdown) };
  };
  return untilStopped(invocation, open, ({ installation, lock }, shutdown) =>
    bringUp(installation, { shutdown, output, lock, startedAt }),
  );
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
