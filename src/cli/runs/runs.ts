/** `millrace runs`: the trainings that were asked for, and what came of them. */

import type { Command } from 'commander';
import { InputError } from '#platform';
import type { Run, RunProgress } from '#schemas';
import { withInstallation } from '#service';
import { readRuns } from '#trainer';
import { defineCommand, EXIT, type Invocation, wholeNumber } from '../command.ts';
import { figure, moment, right } from '../output.ts';
import { cancelCommand } from './runs-cancel.ts';
import { compareCommand } from './runs-compare.ts';
import { newestPoints } from './runs-progress.ts';
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
  ];
}

/** How far a run is, and how long it may still take at the pace of its training. */
export function stepUnderWay({ step, steps }: Run, point: RunProgress | undefined, now: number): string {
  const begun = steps.find(({ name }) => name === step)?.started;
  if (step !== 'train' || point === undefined || begun == null || point.ts < begun) return step ?? '';
  const share = point.at_step / point.of_steps;
  const leftMs = share > 0 ? ((now - begun) * (1 - share)) / share : 0;
  return `train ${Math.floor(100 * share)}%, ${Math.ceil(leftMs / 1000)} s left`;
}

/** Working time, excluding queueing. */
export function tookOf({ started, ended }: Run, now: number): string {
  if (started === null) return '';
  return `${(((ended ?? now) - started) / 1000).toFixed(1)} s`;
}

/** The run whose id begins so. Errors: InputError MR_RUN_UNKNOWN, MR_RUN_AMBIGUOUS. */
export function runNamed(runs: readonly Run[], name: string): Run {
  const found = runs.filter(({ run_id }) => run_id.startsWith(name));
  if (found.length === 1) return found[0] as Run;
  const hint = 'See the ids with: millrace runs';
  if (found.length === 0) throw new InputError('MR_RUN_UNKNOWN', `There is no run ${name}.`, { hint });
  const ids = found.map(({ run_id }) => run_id).join(', ');
  throw new InputError('MR_RUN_AMBIGUOUS', `Several runs begin with ${name}: ${ids}.`, { hint });
}
