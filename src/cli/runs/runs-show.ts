/** `millrace runs show ID`: the steps of a run, its metrics, and its curves. */

import { Command } from 'commander';
import { sizeText } from '#models';
import type { Run, RunProgress } from '#schemas';
import { withInstallation } from '#service';
import { readRuns } from '#trainer';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { figure, moment, type Output, right } from '../output.ts';
import { drawCurve } from './runs-curve.ts';
import { pointsOf, runNamed, stepUnderWay, tookOf } from './runs-progress.ts';

export function showCommand(): Command {
  return defineCommand({
    command: new Command('show')
      .description('Show the steps of a run, its configuration, its metrics with intervals, and its curves.')
      .argument('<run>', 'an id that "millrace runs" lists, or the beginning of one'),
    examples: [
      ['millrace runs show 3f2a', 'in full'],
      ['millrace runs show 3f2a --json | jq .curve', 'the points of its curves'],
    ],
    run: (invocation, [name = '']) => showRun(invocation, name),
  });
}

async function showRun({ configuration, output }: Invocation<object>, name: string): Promise<number> {
  return withInstallation(configuration, async (installation) => {
    const run = runNamed(await readRuns(installation), name);
    const curve = await pointsOf(installation, run.run_id);
    if (output.json) output.value({ ...run, config: JSON.parse(run.config), curve });
    else print(output, run, curve);
    return EXIT.done;
  });
}

function print(output: Output, run: Run, curve: readonly RunProgress[]): void {
  const { run_id, model, pipeline, trigger, status, snapshot_id, base, seed, config, version, error } = run;
  const now = Date.now();
  const at = status === 'running' ? `: ${stepUnderWay(run, curve.at(-1), now)}` : '';
  output.line(`run ${run_id}: ${model}, ${pipeline} by ${trigger}, ${status}${at}`);
  if (error !== null) output.line(`${error.code}: ${error.message}`);
  if (error?.hint != null) output.line(`  ${error.hint}`);
  const took = tookOf(run, now);
  output.line(`requested ${moment(run.created)}${took === '' ? '' : `, took ${took}`}`);
  output.line(
    `snapshot ${snapshot_id ?? '-'}, version ${version ?? '-'}${base === null ? '' : `, started from ${base}`}`,
  );
  const size = sizeText(run);
  if (size !== '') output.line(`came to ${size}`);
  const settings = Object.entries(JSON.parse(config) as Record<string, unknown>);
  const said = settings.map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  output.line(`seed ${seed}; ${said.length === 0 ? 'the defaults' : said.join(', ')}`);
  output.line();
  output.table(stepColumns, run.steps.map(stepRow));
  if (Object.keys(run.metrics).length > 0) {
    output.line();
    output.table(metricColumns, Object.keys(run.metrics).sort().map(metricRow(run)));
  }
  for (const name of namesOf(curve)) {
    const points = curve.flatMap(({ at_step: x, values }) => {
      const y = values[name];
      return y === undefined ? [] : [{ x, y }];
    });
    const lines = drawCurve(`${name} by update`, points);
    if (lines.length > 0) output.line();
    for (const line of lines) output.line(line);
  }
}

const stepColumns = ['step', 'status', right('attempts'), right('took'), 'error'] as const;

function stepRow({ name, status, attempts, started, ended, error }: Run['steps'][number]): string[] {
  const took = started === null || ended === null ? '' : `${((ended - started) / 1000).toFixed(1)} s`;
  return [name, status, String(attempts), took, error ?? ''];
}

const metricColumns = ['metric', right('value'), right('95% interval')] as const;

function metricRow({ metrics, intervals }: Run): (name: string) => string[] {
  return (name) => {
    const interval = intervals[name];
    const range = interval === undefined ? '' : `${figure(interval.low)} to ${figure(interval.high)}`;
    return [name, figure(metrics[name]), range];
  };
}

/** The loss, then what validation gave; the means of epochs are seen in the loss itself. */
function namesOf(curve: readonly RunProgress[]): readonly string[] {
  const names = new Set(curve.flatMap(({ values }) => Object.keys(values)));
  names.delete('epoch_loss');
  return [...names].sort((a, b) => Number(b === 'loss') - Number(a === 'loss') || (a < b ? -1 : 1));
}
