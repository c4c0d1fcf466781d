/** `millrace jobs`: what runs again and again, when, and what came of it. */
import type { Command } from 'commander';
import { errorOfJobRun, type ListedJob, listJobs } from '#jobs';
import { systemClock } from '#platform';
import { listedJobs, withInstallation } from '#service';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { moment } from '../output.ts';
import { cancelCommand, pauseCommand, resumeCommand, runCommand } from './jobs-request.ts';
import { showCommand } from './jobs-show.ts';

export function jobsCommand(command: Command): Command {
  return defineCommand({
    command,
    examples: [
      ['millrace jobs', 'a table'],
      ['millrace jobs show training', 'its policy and its runs'],
      ['millrace jobs run verification', 'now, and wait until it is over'],
      ['millrace jobs pause refresh', 'until it is resumed'],
      [`millrace jobs --json | jq -r 'select(.last.status == "failed").job'`, 'those whose last run failed'],
    ],
    notes: `
One process of those that run "millrace start" on a log is the owner of its jobs and carries them out; another takes over
when it ends. When jobs run is said by the options of sections jobs and training (schedules are in UTC).`,
    run: list,
  })
    .enablePositionalOptions()
    .addCommand(showCommand())
    .addCommand(runCommand())
    .addCommand(cancelCommand())
    .addCommand(pauseCommand())
    .addCommand(resumeCommand());
}

async function list({ configuration, output }: Invocation<object>): Promise<number> {
  return withInstallation(configuration, async (installation) => {
    const jobs = await listJobs(installation, listedJobs(configuration), systemClock.now());
    if (output.json) for (const job of jobs) output.value(job);
    else output.table(columns, jobs.map(row));
    return EXIT.done;
  });
}

const columns = ['job', 'when', 'next', 'last run', 'status', 'outcome'] as const;

function row({ job, when, paused, next, last }: ListedJob): string[] {
  const at = when.length === 0 ? 'by hand' : when.join('; ');
  const following = paused ? 'paused' : next === null ? '' : moment(next);
  if (last === null) return [job, at, following, '', '', ''];
  return [job, at, following, moment(last.created), last.status, errorOfJobRun(last)?.code ?? last.outcome];
}
