/** `millrace train`: a snapshot, a training, and the decision over its version. */

import type { Command } from 'commander';
import { modelNames } from '#models';
import { createLogger, type Shutdown } from '#platform';
import {
  catchUp,
  openExistingInstallation,
  requireData,
  startPipeline,
  unlessInterrupted,
  withShutdown,
} from '#service';
import type { TrainingResult, Wanted } from '#trainer';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { commandProgress } from '../command-progress.ts';
import type { Output } from '../output.ts';
import { jsonObject } from '../runs/runs-search-space.ts';
import { aloneOrBesideStart } from './alone-or-beside-start.ts';
import { followTraining } from './follow-training.ts';
import { decisionText, qualityLines, startTrainer, trainingLine } from './training.ts';

type Options = {
  readonly seed?: string;
  readonly force?: boolean;
  readonly model?: string;
  readonly with?: Readonly<Record<string, unknown>>;
};

export function trainCommand(command: Command): Command {
  return defineCommand<Options>({
    command: command
      .option('--seed <n>', 'seed of initial weights and order of examples (default: training.seed)')
      .option('--model <name>', `${modelNames.join(', ')} (default: training.models)`)
      .option('--with <json>', 'what differs from the defaults of the model, as a JSON object', jsonObject)
      .option('--force', 'train also on a snapshot that is suspect: see millrace snapshot'),
    examples: [
      ['millrace train', 'with progress, then quality beside popularity'],
      ['millrace train --seed 7 --json | tail -n 1', 'one line: version, protocol, metrics'],
      [`millrace train --with '{"learningRate": 0.006}'`, 'as "millrace runs search" has found it'],
    ],
    notes: `
Processes what is new on the log first. While "millrace start" runs on the data directory, the training is done there:
this command asks for it and waits. A version that is worse than popularity is rejected: that is no failure, and the
exit code is 0. The same snapshot and seed give the same version.`,
    flags: ({ seed }) => ({ 'training.seed': seed }),
    run: train,
  });
}

async function train(invocation: Invocation<Options>): Promise<number> {
  const { configuration, output } = invocation;
  requireData(configuration);
  const logger = createLogger({ level: configuration.logging.level, name: 'train' });
  const result = await withShutdown(logger, async (shutdown) => {
    return aloneOrBesideStart(invocation, shutdown, 'train', {
      does: 'trains; waiting for the decision',
      beside: (installation) => followTraining(installation, wanted(invocation), shutdown.signal),
      alone: () => trainHere(invocation, shutdown),
    });
  });
  printResult(output, result);
  return EXIT.done;
}

function wanted({ configuration, options }: Invocation<Options>): Wanted {
  const { force = false, model, with: config = {} } = options;
  const models = model === undefined ? [] : [model];
  return { seed: configuration.training.seed, force, models, config };
}

async function trainHere(invocation: Invocation<Options>, shutdown: Shutdown): Promise<TrainingResult> {
  const { configuration, output } = invocation;
  const { signal } = shutdown;
  const installation = await openExistingInstallation(configuration, shutdown);
  const progress = commandProgress(output, signal);
  const pipeline = await startPipeline(installation, shutdown);
  await unlessInterrupted(catchUp(pipeline, progress), signal);
  const { trainer, failed } = await startTrainer(installation, progress, shutdown, { onlyAsked: true });
  const training = trainer.train(wanted(invocation), signal);
  return unlessInterrupted(Promise.race([training, failed, pipeline.failed]), signal);
}

function printResult(output: Output, result: TrainingResult): void {
  if (output.json) {
    output.value(trainingLine(result));
    return;
  }
  const { decision, protocol } = result;
  output.line(decisionText(decision));
  output.line(`protocol ${protocol}`);
  for (const line of qualityLines(decision)) output.line(line);
  if (decision.status === 'promoted') output.line('Next: millrace recommend USER (with the same --data).');
}
