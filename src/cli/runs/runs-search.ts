/** `millrace runs search`: trials of a model at random points of a space, judged on the validation part. */

import { randomUUID } from 'node:crypto';
import { Command } from 'commander';
import {
  modelNamed,
  modelNames,
  modelSettings,
  type SearchSpace,
  searchSpaceOf,
  seededRandom,
  VALIDATED_BY,
} from '#models';
import { systemClock } from '#platform';
import { type Run, runRequest } from '#schemas';
import type { Installation } from '#service';
import { startTrainer } from '#service';
import { defineCommand, EXIT, type Invocation, wholeNumber } from '../command.ts';
import { figure, notice, type Output, right } from '../output.ts';
import { aloneOrBesideStart } from '../training/alone-or-beside-start.ts';
import { followRuns } from '../training/follow-training.ts';
import { drawFrom, readSpace } from './runs-search-space.ts';

type Options = {
  readonly space?: string;
  readonly trials?: number;
  readonly minutes?: number;
  readonly model?: string;
  readonly metric?: string;
  readonly seed?: string;
};

const TRIALS = 20;

export function searchCommand(): Command {
  return defineCommand<Options>({
    command: new Command('search')
      .description(
        'Train a model at random points of a space, and report which was best on the validation part.',
      )
      .option(
        '--space <json>',
        'parameters with their values or ranges, as JSON or a file that holds it (default: what the model declares)',
      )
      .option('--trials <n>', `maximum number of trials (default: ${TRIALS})`, wholeNumber(1, 100_000))
      .option('--minutes <n>', 'start no trial after this time', wholeNumber(1, 100_000))
      .option(
        '--model <name>',
        `${modelNames().join(', ')}, or of training.modelModules (default: the first of training.models)`,
      )
      .option(
        '--metric <name>',
        `metric to order trials by (default: ${VALIDATED_BY.retrieval}, of a ranker ${VALIDATED_BY.ranking})`,
      )
      .option('--seed <n>', 'seed of the points and of each training (default: training.seed)'),
    examples: [
      [`millrace runs search --space '{"temperature": [0.1, 0.15, 0.2]}' --trials 3`, 'a list of values'],
      [
        `millrace runs search --space '{"learningRate": {"from": 0.002, "to": 0.05, "log": true}}' --minutes 30`,
        'a range; log draws by the logarithm, whole rounds',
      ],
    ],
    notes: `
Trials are runs: "millrace runs" lists each. All are trained on one snapshot without its validation part, on which they
are evaluated; the test part is not used. Nothing is published: train the best one with "millrace train --with".`,
    flags: ({ seed }) => ({ 'training.seed': seed }),
    run: search,
  });
}

async function search(invocation: Invocation<Options>): Promise<number> {
  const { output } = invocation;
  const { metric } = searched(invocation);
  const trials = await aloneOrBesideStart(invocation, 'search', {
    does: 'trains',
    beside: (installation, signal) => runTrials(invocation, installation, signal),
    alone: async ({ installation, progress, shutdown }) => {
      const { failed } = await startTrainer(installation, progress, shutdown, { isAlone: true });
      return Promise.race([runTrials(invocation, installation, shutdown.signal), failed]);
    },
  });
  printTrials(output, trials, metric);
  return EXIT.done;
}

/** The model that is searched for, where, by default in the space that it declares, and what trials are compared by. */
function searched({ configuration, options }: Pick<Invocation<Options>, 'configuration' | 'options'>): {
  readonly model: string;
  readonly space: SearchSpace;
  readonly metric: string;
} {
  const { name, role, parameters } = modelNamed(
    options.model ?? (modelSettings(configuration.declared).trained[0] as string),
  );
  return {
    model: name,
    space: options.space === undefined ? searchSpaceOf(parameters) : readSpace(options.space),
    metric: options.metric ?? VALIDATED_BY[role],
  };
}

/** One after the other, until the budget is used up. */
async function runTrials(
  { configuration, options, output }: Invocation<Options>,
  installation: Installation,
  signal: AbortSignal,
): Promise<readonly Run[]> {
  const { trials: most = TRIALS, minutes } = options;
  const { seed } = configuration.training;
  const { model, space: dimensions, metric } = searched({ configuration, options });
  const random = seededRandom(seed);
  const search = randomUUID().slice(0, 8);
  const until = minutes === undefined ? Number.POSITIVE_INFINITY : systemClock.monotonic() + minutes * 60_000;
  const done: Run[] = [];
  let snapshotId: string | null = null;
  while (done.length < most && systemClock.monotonic() < until) {
    const config = JSON.stringify(drawFrom(dimensions, random));
    const request = { models: [model], config, search, snapshot_id: snapshotId };
    const command = { ts: systemClock.now(), kind: 'train', seed, run: runRequest(request) } as const;
    const [run] = await followRuns(installation, command, { signal });
    if (run === undefined) break;
    done.push(run);
    snapshotId ??= run.snapshot_id;
    const came = run.status === 'succeeded' ? `${metric} ${figure(run.metrics[metric])}` : run.error?.message;
    notice(output, `trial ${done.length}: ${config} ${came ?? run.status}`);
    if (snapshotId === null) break;
  }
  return done;
}

function printTrials(output: Output, trials: readonly Run[], metric: string): void {
  const value = ({ metrics }: Run) => metrics[metric] ?? Number.NEGATIVE_INFINITY;
  const ordered = trials.toSorted((a, b) => value(b) - value(a));
  const names = [...new Set(trials.flatMap(({ config }) => Object.keys(JSON.parse(config) as object)))];
  output.list(ordered, ['run', 'status', right(metric), ...names], (run) => {
    const config = JSON.parse(run.config) as Record<string, unknown>;
    const settings = names.map((name) => (config[name] === undefined ? '' : JSON.stringify(config[name])));
    return [run.run_id, run.status, figure(run.metrics[metric]), ...settings];
  });
  const [best] = ordered;
  if (output.json || best === undefined) return;
  output.line();
  if (best.metrics[metric] === undefined) {
    output.line(`No trial has ${metric}, so none is the best.`);
    return;
  }
  output.line(`Best by validation: run ${best.run_id}. Nothing was published. To train it on all rows:`);
  output.line(`  millrace train --model ${best.model} --seed ${best.seed} --with '${best.config}'`);
}
