/** `millrace replay list`: which replays there are, and how far each is. */
import { Command } from 'commander';
import { readReplays, replayProgress } from '#replays';
import { openLogInstallation, requireData, withShutdown } from '#service';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { grouped, moment, right } from '../output.ts';

export function listCommand(): Command {
  return defineCommand({
    command: new Command('list').description('List the replays, and how far each is.'),
    examples: [['millrace replay list --json', 'for a script']],
    notes: 'An offset that is read is committed. A replay without an end follows the live inputs.',
    run: (invocation) => list(invocation),
  });
}

async function list({ configuration, output }: Invocation<object>): Promise<number> {
  requireData(configuration);
  return withShutdown(configuration, async (shutdown) => {
    const { log } = await openLogInstallation(configuration, shutdown);
    const rows = [];
    for (const definition of await readReplays(log)) {
      const { name, topology, generation, begunMs } = definition;
      rows.push({ name, topology, generation, begunMs, ...(await replayProgress(log, definition)) });
    }
    output.list(
      rows,
      ['replay', 'topology', right('generation'), 'begun', right('read'), right('of')],
      ({ name, topology, generation, begunMs, read, total }) => {
        return [name, topology, String(generation), moment(begunMs), grouped(read), grouped(total)];
      },
    );
    return EXIT.done;
  });
}
