/** `millrace reset TOPOLOGY`: its state begins again, from its inputs. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { audited, operatorOfThisMachine } from '#audit';
import { planReset, resetTopology, rocksDatabases } from '#engine';
import { lockDirectory } from '#platform';
import { stateDirectoryOf } from '#processing';
import { openLogInstallation, requireData, withShutdown } from '#service';
import { defineCommand, EXIT, type Invocation, usageError } from '../command.ts';
import { grouped } from '../output.ts';
import { auditing } from '../replays/auditing.ts';
import { namedTopology } from '../replays/replayed-topology.ts';

type ResetOptions = { readonly accept?: string };

export function resetCommand(command: Command): Command {
  return defineCommand<ResetOptions>({
    command: command
      .argument('<topology>', 'a view of features.modules, or a module')
      .option('--accept <hash>', 'do it: the hash that the command shows without this option'),
    examples: [
      ['millrace reset topology.ts', 'what it would do, and the hash of that'],
      ['millrace reset topology.ts --accept 4f1c9a2b7d3e', 'do it'],
    ],
    notes: `
All stores of the topology start empty, and the next "millrace run" or "millrace start" reads its inputs from the start
of the log and writes its outputs again. It is refused while an instance runs, and for the product's own "loop", whose
examples and versions would be written twice: rerun that beside the live one with "millrace replay".`,
    run: (invocation, [name = '']) => reset(invocation, name),
  });
}

async function reset(
  { configuration, options, output }: Invocation<ResetOptions>,
  name: string,
): Promise<number> {
  if (name === 'loop')
    throw usageError(
      'The loop can’t be reset: what it has written would be written twice.',
      'Use "millrace replay loop".',
    );
  requireData(configuration);
  return withShutdown(configuration, async (shutdown) => {
    const installation = await openLogInstallation(configuration, shutdown);
    const { topology } = await namedTopology(name, installation);
    const { log, logger, directory } = installation;
    const stateDirectory = stateDirectoryOf(topology, join(directory, 'state'));
    const { plan } = await planReset({ log, topology });
    const { hash, recordsToRead, stores } = plan;
    const what = `${grouped(stores.length)} stores of ${topology.name} begin empty, and ${grouped(recordsToRead)} records are read again`;
    const { accept: accepted } = options;
    if (accepted === undefined) {
      if (output.json) output.value(plan);
      else output.line(`${what}. To do it: millrace reset ${name} --accept ${hash}`);
      return EXIT.failed;
    }
    const lock = lockDirectory(stateDirectory, `reset ${name}`);
    shutdown.add('stores', async () => lock.release());
    const act = { act: 'reset', actor: operatorOfThisMachine(), subject: topology.name };
    const databases = rocksDatabases(stateDirectory);
    await audited(await auditing(installation), { ...act, details: { plan: accepted } }, () =>
      resetTopology({ log, logger, topology, databases, accepted }),
    );
    if (output.json) output.value({ reset: topology.name, plan: hash });
    else output.line(`Done: ${what}, by the next start.`);
    return EXIT.done;
  });
}
