/** `millrace runs compare A B`: what differs between two runs. */

import { Command } from 'commander';
import type { Run } from '#schemas';
import { openExistingInstallation, withShutdown } from '#service';
import { readRuns } from '#trainer';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { figure, right } from '../output.ts';
import { runNamed } from './runs-progress.ts';

export function compareCommand(): Command {
  return defineCommand({
    command: new Command('compare')
      .description('Show what differs between two runs: configuration and metrics.')
      .argument('<a>', 'an id that "millrace runs" lists, or the beginning of one')
      .argument('<b>', 'another one'),
    examples: [
      ['millrace runs compare 3f2a 91c0', 'differences are the second minus the first'],
      ['millrace runs compare 3f2a 91c0 --json | jq .metrics', 'the metrics alone'],
    ],
    notes: `
Metrics of runs on different snapshots were measured on different rows, which may explain a difference.`,
    run: (invocation, [a = '', b = '']) => compareRuns(invocation, a, b),
  });
}

async function compareRuns(
  { configuration, output }: Invocation<object>,
  nameOfA: string,
  nameOfB: string,
): Promise<number> {
  return withShutdown(configuration, async (shutdown) => {
    const runs = await readRuns(await openExistingInstallation(configuration, shutdown));
    const [a, b] = [runNamed(runs, nameOfA), runNamed(runs, nameOfB)];
    const settings = settingsOf(a, b);
    const metrics = metricsOf(a, b);
    if (output.json) {
      output.value({ a: a.run_id, b: b.run_id, settings, metrics });
      return EXIT.done;
    }
    const titles = ['', a.run_id, b.run_id];
    if (settings.length === 0) output.line('The same configuration.');
    else
      output.table(
        titles,
        settings.map(({ name, a, b }) => [name, textOf(a), textOf(b)]),
      );
    if (metrics.length === 0) return EXIT.done;
    output.line();
    if (a.snapshot_id !== b.snapshot_id) output.line('Measured on different snapshots.');
    output.table(
      ['metric', right(a.run_id), right(b.run_id), right('difference')],
      metrics.map(({ name, a, b, difference }) => [name, figure(a), figure(b), signed(difference)]),
    );
    return EXIT.done;
  });
}

type Setting = { readonly name: string; readonly a: unknown; readonly b: unknown };

/** Differences between the two requests. */
function settingsOf(a: Run, b: Run): Setting[] {
  const of = (run: Run): Record<string, unknown> => {
    const { model, pipeline, seed, snapshot_id: snapshot, base, config } = run;
    return { model, pipeline, seed, snapshot, base, ...(JSON.parse(config) as object) };
  };
  const [ofA, ofB] = [of(a), of(b)];
  const names = [...new Set([...Object.keys(ofA), ...Object.keys(ofB)])];
  return names
    .map((name) => ({ name, a: ofA[name], b: ofB[name] }))
    .filter(({ a, b }) => JSON.stringify(a) !== JSON.stringify(b));
}

type MetricDifference = {
  readonly name: string;
  readonly a: number | undefined;
  readonly b: number | undefined;
  /** Difference of b to a. */
  readonly difference: number | undefined;
};

function metricsOf({ metrics: a }: Run, { metrics: b }: Run): MetricDifference[] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  return names.map((name) => {
    const [ofA, ofB] = [a[name], b[name]];
    const difference = ofA === undefined || ofB === undefined ? undefined : ofB - ofA;
    return { name, a: ofA, b: ofB, difference };
  });
}

const textOf = (value: unknown) =>
  value === undefined ? 'default' : typeof value === 'string' ? value : JSON.stringify(value);

function signed(difference: number | undefined): string {
  if (difference === undefined) return '-';
  return `${difference < 0 ? '' : '+'}${difference.toFixed(4)}`;
}
