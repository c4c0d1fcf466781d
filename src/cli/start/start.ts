/** `millrace start`: everything in one process, from an empty directory to live answers, or some roles of several processes. */

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { audited, operatorOfThisMachine } from '#audit';
import { diskFull, freeBytes, lockDirectory, lockParts, type Shutdown, systemClock } from '#platform';
import {
  checkAccess,
  checkPort,
  hasAllRoles,
  openInstallation,
  ROLE_NAMES,
  requireFitForProduction,
  requireTrainingFiles,
  requireWhatRolesNeed,
} from '#service';
import type { Configuration } from '#service/configuration';
import { defineCommand, type Invocation } from '../command.ts';
import { notice, type Output } from '../output.ts';
import { type ServingOptions, servingFlags, servingOptions, untilStopped } from '../until-stopped.ts';
import { bringUp } from './bring-up.ts';
import { bringUpRoles } from './bring-up-roles.ts';

/** Each store takes 18 MB of the disk when it is opened, and leaves what it does not use when it is closed. */
const LEAST_FREE_BYTES = 64_000_000;

type StartOptions = ServingOptions & { readonly accept?: string; readonly roles?: string };

export function startCommand(command: Command): Command {
  return defineCommand<StartOptions>({
    command: servingOptions(command)
      .option('--roles <names>', `what this process does, of ${ROLE_NAMES.join(', ')} (default: all)`)
      .option(
        '--accept <hash>',
        'do what the plan of this hash proposes for state that does not fit: see millrace plan',
      ),
    examples: [
      ['millrace start', 'on http://127.0.0.1:8080'],
      ['millrace start --port 9000 --data other', 'elsewhere'],
      ['millrace start --set simulation.events=50000', 'a smaller world, if there is none yet'],
      ['millrace start --set simulation.liveEventsPerSecond=0', 'without live agents'],
      ['millrace start --set simulation=off', 'without a world: all events are your own'],
      ['millrace start --roles gateway --port 8081', 'events alone, beside processes of the other roles'],
    ],
    notes: `
A new data directory gets a simulated world, and answers of popular items while that is made and a first version
trained; a log on Kafka gets none unless simulation.world is on. A start continues
with existing data: nothing is created twice, and nothing is retrained while a version is promoted. Ctrl-C shuts it
down in order, with exit code 0 once everything is up and 130 before that. It may be killed at any time: the next start
completes what was under way. Processes of some roles make no world.`,
    flags: (options) => ({ ...servingFlags(options), roles: options.roles }),
    run: start,
  });
}

async function start(invocation: Invocation<StartOptions>): Promise<number> {
  const { configuration, output, sources } = invocation;
  const startedAt = systemClock.monotonic();
  requireFitForProduction(configuration);
  requireWhatRolesNeed(configuration);
  await requireTrainingFiles(configuration);
  requireRoom(configuration, output);
  const open = async (shutdown: Shutdown) => {
    const { data, roles } = configuration;
    // Processes of the embedded log share its directory: each has what belongs to its roles.
    const lock = hasAllRoles(roles) ? lockDirectory(data, 'start') : lockParts(data, roles, 'start');
    shutdown.add('data directory', async () => lock.release());
    await checkPort(configuration);
    const installation = await openInstallation(configuration, shutdown);
    installation.certificate();
    await checkAccess(installation);
    installation.secrets.renewOnHangup({ ...installation, sources, shutdown });
    return { lock, installation };
  };
  const { accept: accepted } = invocation.options;
  return untilStopped(invocation, open, async ({ installation, lock }, shutdown) => {
    const options = { shutdown, output, lock, startedAt, accepted, sources };
    const isWhole = hasAllRoles(configuration.roles);
    const brought = () => (isWhole ? bringUp : bringUpRoles)(installation, options);
    if (accepted === undefined) return brought();
    const act = { act: 'start --accept', actor: operatorOfThisMachine(), subject: accepted };
    return audited({ ...installation, clock: systemClock }, act, brought);
  });
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
