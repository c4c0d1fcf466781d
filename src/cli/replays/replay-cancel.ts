/** `millrace replay cancel NAME`: removes a replay with all that it has made. */
import { join } from 'node:path';
import { Command } from 'commander';
import { audited, operatorOfThisMachine } from '#audit';
import { cancelReplay } from '#replays';
import { openLogInstallation, requireData, withShutdown } from '#service';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { auditing } from './auditing.ts';

export function cancelCommand(): Command {
  return defineCommand({
    command: new Command('cancel')
      .description('Delete the topics, the offsets and the stores of a replay.')
      .argument('<name>', 'its name'),
    examples: [['millrace replay cancel fix', 'once it is of no more use']],
    notes:
      'Nothing live is touched. It is refused while the replay runs; one that was cut off can be repeated.',
    run: (invocation, [name = '']) => cancel(invocation, name),
  });
}

async function cancel({ configuration, output }: Invocation<object>, name: string): Promise<number> {
  requireData(configuration);
  return withShutdown(configuration, async (shutdown) => {
    const installation = await openLogInstallation(configuration, shutdown);
    const { log, directory } = installation;
    const act = { act: 'replay cancel', actor: operatorOfThisMachine(), subject: name };
    await audited(await auditing(installation), act, () => cancelReplay(log, join(directory, 'state'), name));
    if (output.json) output.value({ replay: name, state: 'cancelled' });
    else output.line(`Replay ${name} is cancelled; its topics and its stores were deleted.`);
    return EXIT.done;
  });
}
