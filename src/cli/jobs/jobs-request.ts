/** `millrace jobs run`, `cancel`, `pause` and `resume`: what the owner of the jobs is asked for. */
import { Command } from 'commander';
import { operatorOfThisMachine } from '#audit';
import { TopicReader } from '#engine';
import { errorOfJobRun, isJobRunOver, isJobRunUndone, requestJob } from '#jobs';
import { inspectLock, systemClock } from '#platform';
import type { JobRequestKind, JobRun } from '#schemas';
import { type Installation, listedJobs, throwIfInterrupted, withInstallation } from '#service';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { notice } from '../output.ts';

type Options = { readonly reason?: string; readonly detach?: true };

const POLL_MS = 200;

export function runCommand(): Command {
  const command = requesting('run', 'Run a job now, also while it is paused, and wait until it is over.');
  return defineCommand<Options>({
    command: command.option('--detach', 'do not wait'),
    examples: [['millrace jobs run backup', 'before the machine is touched']],
    notes: `
Waits behind a run that is under way. Without a process that carries out jobs, the next "millrace start" does. Exit code 1 if
the run fails or is cancelled.`,
    run: runNow,
  });
}

export function cancelCommand(): Command {
  return asking('cancel', 'Cancel the runs of a job that are under way or wait.', [
    'millrace jobs cancel verification',
    'it takes too long',
  ]);
}

export function pauseCommand(): Command {
  return asking('pause', 'Pause a job: it runs by hand alone until it is resumed.', [
    'millrace jobs pause refresh --reason "the new views"',
    'for whoever wonders',
  ]);
}

export function resumeCommand(): Command {
  return asking('resume', 'Resume a job; times that have passed are not made up for.', [
    'millrace jobs resume refresh',
    'from its next time on',
  ]);
}

function requesting(kind: JobRequestKind, description: string): Command {
  return new Command(kind)
    .description(description)
    .argument('<job>', 'a name that "millrace jobs" lists')
    .option('--reason <text>', 'why, for the history');
}

function asking(kind: JobRequestKind, description: string, example: readonly [string, string]): Command {
  return defineCommand<Options>({
    command: requesting(kind, description),
    examples: [example],
    run: (invocation, [job = '']) =>
      withInstallation(invocation.configuration, async (installation) => {
        const request_id = await ask(installation, kind, job, invocation.options.reason);
        if (invocation.output.json) invocation.output.value({ request_id });
        else invocation.output.line(`${kind} ${job}: requested.`);
        return EXIT.done;
      }),
  });
}

function ask(
  installation: Installation,
  kind: JobRequestKind,
  job: string,
  reason: string | undefined,
): Promise<string> {
  const environment = { ...installation, clock: systemClock };
  const actor = operatorOfThisMachine();
  return requestJob(environment, listedJobs(installation.configuration), {
    ...{ kind, job, actor },
    reason: reason ?? null,
  });
}

async function runNow(
  { configuration, options, output }: Invocation<Options>,
  [job = '']: readonly string[],
): Promise<number> {
  return withInstallation(configuration, async (installation, { signal }) => {
    const { log, topics, embedded } = installation;
    const changes = await TopicReader.open(log, topics['job-runs'], { from: 'end' });
    try {
      const id = await ask(installation, 'run', job, options.reason);
      // On Kafka, another machine may carry out jobs.
      const isHere = embedded === undefined || inspectLock(configuration.data).held;
      if (options.detach === true || !isHere) {
        if (output.json) output.value({ request_id: id });
        else
          output.line(isHere ? `run ${id}: requested.` : `run ${id}: the next "millrace start" begins it.`);
        return EXIT.done;
      }
      const run = await ended(id);
      if (output.json) output.value(run);
      else output.line(`run ${id} ${run.status}: ${errorOfJobRun(run)?.message ?? run.outcome}`);
      return isJobRunUndone(run) ? EXIT.failed : EXIT.done;
    } finally {
      await changes.close();
    }

    async function ended(id: string): Promise<JobRun> {
      for (let hasBegun = false; ; ) {
        throwIfInterrupted(signal);
        const run = (await changes.poll(POLL_MS)).findLast(({ key }) => key === id)?.value;
        if (run == null) continue;
        if (isJobRunOver(run)) return run;
        if (!hasBegun && run.status === 'running') notice(output, `Run ${id} is under way at ${run.owner}.`);
        hasBegun ||= run.status === 'running';
      }
    }
  });
}
