/** `millrace jobs show NAME`: a job's policy and its runs. */
import { Command } from 'commander';
import { errorOfJobRun, listJobs, readJobRuns, requireJob } from '#jobs';
import { systemClock } from '#platform';
import type { JobRun } from '#schemas';
import { listedJobs, withInstallation } from '#service';
import { defineCommand, EXIT, type Invocation, wholeNumber } from '../command.ts';
import { moment, right } from '../output.ts';

type Options = { readonly last?: number };

const SHOWN = 20;

export function showCommand(): Command {
  return defineCommand<Options>({
    command: new Command('show')
      .description('Show a job and its runs, oldest first.')
      .argument('<job>', 'a name that "millrace jobs" lists')
      .option('-n, --last <n>', `how many of the newest runs (default: ${SHOWN})`, wholeNumber(1, 100)),
    examples: [
      ['millrace jobs show backup', 'when it runs, and what came of it'],
      [`millrace jobs show backup --json | jq -r '.runs[-1].error'`, 'what went wrong last'],
    ],
    run: (invocation, [name = '']) => show(invocation, name),
  });
}

async function show({ configuration, options, output }: Invocation<Options>, name: string): Promise<number> {
  return withInstallation(configuration, async (installation) => {
    const declared = requireJob(listedJobs(configuration), name);
    const [job] = await listJobs(installation, [declared], systemClock.now());
    const all = (await readJobRuns(installation)).filter((run) => run.job === name);
    const runs = all.slice(-(options.last ?? SHOWN));
    if (output.json) {
      output.value({ ...job, runs });
      return EXIT.done;
    }
    const { about, when, policy } = declared;
    const deadline =
      policy.deadlineMs === undefined ? '' : `, failed after ${policy.deadlineMs / 60_000} minutes`;
    output.line(`${name}: ${about}`);
    output.line(
      `${when.length === 0 ? 'by hand' : (job?.when.join('; ') ?? '')}${job?.paused ? ', paused' : ''}`,
    );
    output.line(`overlap ${policy.overlap}, ${policy.retries} retries${deadline}`);
    output.line();
    output.table(columns, runs.map(row));
    return EXIT.done;
  });
}

const columns = [
  'run',
  'trigger',
  'cause',
  'created',
  right('took'),
  right('attempts'),
  'status',
  'outcome',
] as const;

function row(run: JobRun): string[] {
  const { run_id, trigger, cause, created, started, ended, attempts, status, outcome } = run;
  const took = started === null || ended === null ? '' : `${((ended - started) / 1_000).toFixed(1)} s`;
  const told = errorOfJobRun(run)?.message ?? outcome;
  return [run_id, trigger, cause, moment(created), took, String(attempts), status, told];
}
