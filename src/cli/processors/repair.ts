/** `millrace repair WHAT`: makes one thing that is derived again. */
import type { Command } from 'commander';
import { audited, operatorOfThisMachine } from '#audit';
import { systemClock } from '#platform';
import { repair, withInstallation } from '#service';
import { defineCommand, EXIT, type Invocation } from '../command.ts';

type RepairOptions = { readonly from?: string };

export function repairCommand(command: Command): Command {
  return defineCommand<RepairOptions>({
    command: command
      .argument('<what>', 'a task, a store, "redis", "archive", or a version')
      .option('--from <dir>', 'another data directory, which has the version'),
    examples: [
      ['millrace repair interactions-0', 'the stores of a task, from their changelogs'],
      ['millrace repair redis', 'the rows in Redis, beside those that are read'],
      ['millrace repair archive', 'files that are not what they were, from the log'],
      ['millrace repair 46e490558d92a1b0 --from ../other', 'the files of a version'],
    ],
    notes: `
Run "millrace verify" before, to see what differs, and again after. Only what you name is replaced, by a copy that was
checked: a task by a restore of its changelogs, with all stores that it has, while no "millrace start" runs; rows
in Redis by a build beside them; a file of the archive by one with the same SHA-256, where the log still has its
records; a version by one from another data directory. What can't be rebuilt is reported and left as it is, with exit code
1.`,
    run: (invocation, [what = '']) => runRepair(invocation, what),
  });
}

async function runRepair(
  { configuration, options, output }: Invocation<RepairOptions>,
  what: string,
): Promise<number> {
  return withInstallation(configuration, async (installation, shutdown) => {
    const act = { act: 'repair', actor: operatorOfThisMachine(), subject: what };
    const environment = { ...installation, clock: systemClock };
    const done = await audited(environment, act, () => repair(what, installation, shutdown, options.from));
    if (output.json) output.value(done);
    else {
      for (const each of done.repaired) output.line(`${each} was made again`);
      for (const each of done.left) output.line(`left as it is: ${each}`);
      if (done.repaired.length + done.left.length === 0) output.line('Nothing there is damaged.');
    }
    return done.left.length === 0 ? EXIT.done : EXIT.failed;
  });
}
