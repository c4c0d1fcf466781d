/** `millrace runs`: the requested trainings and their outcomes. */

import type { Command } from 'commander';
import type { Run, RunProgress } from '#schemas';
import { withInstallation } from '#service';
import { readRuns } from '#trainer';
import { defineCommand, EXIT, type Invocation, wholeNumber } from '../command.ts';
import { figure, moment, right } from '../output.ts';
import { cancelCommand } from './runs-cancel.ts';
import { compareCommand } from './runs-compare.ts';
import { newestPoints, stepUnderWay, tookOf } from './runs-progress.ts';
import { searchCommand } from './runs-search.ts';
import { showCommand } from './runs-show.ts';

type Options = { readonly last?: number };

const LISTED = 20;

export function runsCommand(command: Command): Command {
  return defineCommand<Options>({
    command: command.option(
      '-n, --last <n>',
      `how many of the newest (default: ${LISTED})`,
      wholeNumber(1, 1_000_000),
    ),
    examples: [
      ['millrace runs', 'a table'],
      ['millrace runs show 3f2a', 'steps, metrics and curves of one; the beginning of its id is enough'],
      ['millrace runs compare 3f2a 91c0', 'what differs, in configuration and quality'],
      ['millrace runs --json | tail -n 1', 'the newest one in full'],
    ],
    run: (invocation) => listRuns(invocation),
  })
    .enablePositionalOptions()
    .addCommand(showCommand())
    .addCommand(compareCommand())
    .addCommand(cancelCommand())
    .addCommand(searchCommand());
}

async function listRuns({ configuration, options, output }: Invocation<Options>): Promise<number> {
  return withInstallation(configuration, async (installation) => {
    const runs = (await readRuns(installation)).slice(-(options.last ?? LISTED));
    if (output.json) for (const run of runs) output.value(run);
    else if (runs.length === 0) output.line('No run yet: "millrace train" starts one.');
    else {
      const isOne = runs.some(({ status }) => status === 'running');
      const points = isOne ? await newestPoints(installation) : new Map<string, RunProgress>();
      const now = Date.now();
      output.table(
        columns,
        runs.map((run) => row(run, points.get(run.run_id), now)),
      );
    }
    return EXIT.done;
  });
}

const columns = [
  'run',
  'model',
  'pipeline',
  'trigger',
  'status',
  'step',
  'requested',
  right('took'),
  right('recall@10'),
  right('ndcg@10'),
] as const;

function row(run: Run, point: RunProgress | undefined, now: number): string[] {
  const { run_id, model, pipeline, trigger, status, created, metrics, error } = run;
  const step = status === 'running' ? stepUnderWay(run, point, now) : (error?.code ?? run.step ?? '');
  return [
    run_id,
    model,
    pipeline,
    trigger,
    status,
    step,
    moment(created),
    tookOf(run, now),
    figure(metrics['recall@10']),
    figure(metrics['ndcg@10']),
  ];
}
