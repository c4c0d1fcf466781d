/** `millrace run`: a topology of one's own on the configured log. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { audited, operatorOfThisMachine } from '#audit';
import type { Shutdown } from '#platform';
import {
  checkAccess,
  checkPort,
  openLogInstallation,
  requireFitForProduction,
  runOwnTopology,
} from '#service';
import { defineCommand, type Invocation } from '../command.ts';
import { auditing } from '../replays/auditing.ts';
import { type ServingOptions, servingFlags, servingOptions, untilStopped } from '../until-stopped.ts';

type RunOptions = ServingOptions & { readonly accept?: string };

export function runCommand(command: Command): Command {
  return defineCommand<RunOptions>({
    command: servingOptions(
      command.argument(
        '<module>',
        'a module whose default export is a topology, or a function that builds one',
      ),
    ).option(
      '--accept <hash>',
      'do what the plan of this hash proposes for state that does not fit: see millrace plan',
    ),
    examples: [
      ['millrace run topology.ts', 'stores on http://127.0.0.1:8080/stores'],
      ['millrace run topology.ts --port 9000 --data other', 'elsewhere'],
      ['millrace run topology.ts --set engine.threads=4', 'tasks spread over four threads'],
    ],
    notes: `
The default export is a topology (builder.build()), or a function that returns one. A function is called with
{ registry, topics }: the schema registry, and a function that opens the product's topics. Topics that the topology
names are created if the log lacks them. It runs beside "millrace start" on the same data directory, or alone; with a
log on Kafka, a second process with its own data directory shares the tasks. Ctrl-C commits what is done and stops,
with exit code 0 once it serves and 130 before that; the next run resumes from there.`,
    flags: servingFlags,
    run,
  });
}

async function run(invocation: Invocation<RunOptions>, [module = '']: readonly string[]) {
  const { configuration, output, sources } = invocation;
  const open = async (shutdown: Shutdown) => {
    requireFitForProduction(configuration);
    await checkPort(configuration);
    const installation = await openLogInstallation(configuration, shutdown);
    installation.certificate();
    await checkAccess(installation);
    installation.secrets.renewOnHangup({ ...installation, sources, shutdown });
    return installation;
  };
  return untilStopped(invocation, open, async (installation, shutdown) => {
    const { accept } = invocation.options;
    const running = () => runOwnTopology(resolve(module), installation, shutdown, accept);
    const act = { act: 'run --accept', actor: operatorOfThisMachine(), subject: `${module} ${accept}` };
    const { topology, failed, url } = await (accept === undefined
      ? running()
      : audited(await auditing(installation), act, running));
    const { name, generation } = topology;
    if (output.json) output.value({ topology: name, generation, url });
    else {
      output.line(`Running   ${name}, generation ${generation}, on ${url}; Ctrl-C stops`);
      output.line(`Try       curl ${url}/stores`);
    }
    return { failed };
  });
}
