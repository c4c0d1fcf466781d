/** `millrace runs cancel ID`: cancels a run. */

import { Command } from 'commander';
import { TopicReader } from '#engine';
import { InputError, inspectLock, systemClock } from '#platform';
import { type Run, runRequest } from '#schemas';
import { throwIfInterrupted, withInstallation } from '#service';
import { isOver, readRuns } from '#trainer';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { sendCommand } from '../training/follow-training.ts';
import { runNamed } from './runs-progress.ts';

const POLL_MS = 200;

export function cancelCommand(): Command {
  return defineCommand({
    command: new Command('cancel')
      .description('Cancel a queued or running run; nothing of it is published.')
      .argument('<run>', 'an id that "millrace runs" lists, or the beginning of one'),
    examples: [['millrace runs cancel 3f2a', 'and wait until it is over']],
    notes: `
Only the process that trains can cancel a run: if none is running, the next one cancels it before resuming it.`,
    run: (invocation, [name = '']) => cancelRun(invocation, name),
  });
}

async function cancelRun({ configuration, output }: Invocation<object>, name: string): Promise<number> {
  return withInstallation(configuration, async (installation, shutdown) => {
    const run = runNamed(await readRuns(installation), name);
    if (isOver(run)) throw over(run);
    const { log, topics } = installation;
    const changes = await TopicReader.open(log, topics.runs, { from: 'end' });
    try {
      const { run_id } = run;
      await sendCommand(installation, {
        ts: systemClock.now(),
        kind: 'cancel',
        run: runRequest({ run_id }),
      });
      for (let last = run; ; ) {
        if (isOver(last)) return say(last, `run ${run_id} is ${last.status}`);
        if (!inspectLock(configuration.data).held) {
          return say(
            last,
            `run ${run_id} will be cancelled when "millrace start" or "millrace train" runs next`,
          );
        }
        throwIfInterrupted(shutdown.signal);
        const polled = await changes.poll(POLL_MS);
        last = polled.findLast(({ key }) => key === run_id)?.value ?? last;
      }
    } finally {
      await changes.close();
    }
  });

  function say(run: Run, text: string): number {
    if (output.json) output.value(run);
    else output.line(text);
    return EXIT.done;
  }
}

function over({ run_id, status }: Run): InputError {
  return new InputError('MR_RUN_OVER', `Run ${run_id} is ${status} already.`, {
    hint: `Look at its outcome: millrace runs show ${run_id}`,
  });
}
