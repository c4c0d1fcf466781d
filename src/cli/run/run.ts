/** `millrace run`: a topology of one's own on the configured log. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { createLogger } from '#platform';
import { checkPort, Interrupted, runOwnTopology, unlessInterrupted, withShutdown } from '#service';
import { defineCommand, EXIT, endAtLast, type Invocation, portOption } from '../command.ts';
import { notice } from '../output.ts';

type Options = { readonly port?: string };

export function runCommand(command: Command): Command {
  return defineCommand<Options>({
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
The default export is a topology (builder.build()), or a function that returns one. A function is called with { registry,
topics }: the schema registry, and a function that opens the product's topics. Topics that the topology names and the log does
not have are made. It runs beside "millrace start" on the same data directory, or alone; a second process shares its tasks from a
data directory of its own, where the log is on Kafka. Ctrl-C commits what is done and stops, with exit code 0 once it serves
and 130 before that; the next run goes on from there.`,
    flags: ({ port }) => ({ 'http.port': port }),
    run: run,
  });
}

async function run({ configuration, output }: Invocation<Options>, [module = '']: readonly string[]) {
  const logger = createLogger({ level: configuration.logging.level, name: 'run' });
  return withShutdown(logger, async (shutdown) => {
    const onInterrupt = () => notice(output, '\nStopping ...');
    process.once('SIGINT', onInterrupt);
    shutdown.add('terminal', async () => void process.off('SIGINT', onInterrupt));
    await checkPort({ configuration, logger });
    const work = runOwnTopology(resolve(module), configuration, shutdown);
    shutdown.add('start-up', async () => void (await work.catch(() => {})));
    const { topology, processing, url } = await unlessInterrupted(work, shutdown.signal);
    const { name, generation } = topology;
    if (output.json) output.value({ topology: name, generation, url });
    else {
      output.line(`Running   ${name}, generation ${generation}, on ${url}; Ctrl-C stops`);
      output.line(`Try       curl ${url}/stores`);
    }
    await unlessInterrupted(processing.ended, shutdown.signal).catch((error: unknown) => {
      if (!(error instanceof Interrupted)) throw error;
    });
    return EXIT.done;
  }).finally(() => endAtLast(logger));
}
