/** `millrace run`: a topology of one's own on the configured log. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Shutdown } from '#platform';
import { checkPort, openLogInstallation, runOwnTopology } from '#service';
import { defineCommand, type Invocation } from '../command.ts';
import { portOption, type ServingOptions, untilStopped } from '../until-stopped.ts';

export function runCommand(command: Command): Command {
  return defineCommand<ServingOptions>({
    command: portOption(
      command.argument(
        '<module>',
        'a module whose default export is a topology, or a function that builds one',
      ),
    ),
    examples: [
      ['millrace run topology.ts', 'stores on http://127.0.0.1:8080/stores'],
      ['millrace run topology.ts --port 9000 --data other', 'elsewhere'],
      ['millrace run topology.ts --set engine.threads=4', 'with its tasks in four threads'],
    ],
    notes: `
The default export is a topology (builder.build()), or a function that returns one. A function is called with
{ registry, topics }: the schema registry, and a function that opens the product's topics. Topics that the topology
names and the log does not have are made. It runs beside "millrace start" on the same data directory, or alone; where
the log is on Kafka, a second process shares its tasks from a data directory of its own. Ctrl-C commits what is done
and stops, with exit code 0 once it serves and 130 before that; the next run goes on from there.`,
    flags: ({ port }) => ({ 'http.port': port }),
    run,
  });
}

async function run(invocation: Invocation<ServingOptions>, [module = '']: readonly string[]) {
  const { configuration, output } = invocation;
  const open = async (shutdown: Shutdown) => {
    await checkPort(configuration);
    return openLogInstallation(configuration, shutdown);
  };
  return untilStopped(invocation, open, async (installation, shutdown) => {
    const { topology, failed, url } = await runOwnTopology(resolve(module), installation, shutdown);
    const { name, generation } = topology;
    if (output.json) output.value({ topology: name, generation, url });
    else {
      output.line(`Running   ${name}, generation ${generation}, on ${url}; Ctrl-C stops`);
      output.line(`Try       curl ${url}/stores`);
    }
    return { failed };
  });
}
