/** `millrace train`: a snapshot, a training, and the decision over its version. */

import type { Command } from 'commander';
import { modelNames } from '#models';
import { startTrainer } from '#service';
import type { TrainingResult, Wanted } from '#trainer';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import type { Output } from '../output.ts';
import { jsonObject } from '../runs/runs-search-space.ts';
import { aloneOrBesideStart } from './alone-or-beside-start.ts';
import { followTraining } from './follow-training.ts';
import { decisionText, qualityLines, trainingLine } from './training.ts';

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
      .option(
        '--model <name>',
        `${modelNames().join(', ')}, or of training.modelModules (default: training.models)`,
      )
      .option('--with <json>', 'parameters that differ from the defaults, as a JSON object', jsonObject)
      .option('--force', 'train even on a suspect snapshot: see millrace snapshot'),
    examples: [
      ['millrace train', 'with progress, then quality beside popularity'],
      ['millrace train --seed 7 --json | tail -n 1', 'one line: version, protocol, metrics'],
      [`millrace train --with '{"learningRate": 0.006}'`, 'as found by "millrace runs search"'],
    ],
    notes: `
Processes what is new on the log first. While "millrace start" runs on the data directory, it does the training: this
command requests it and waits. A version that is worse than popularity is rejected; that is not a failure, and the exit
code is 0. The same snapshot and seed produce the same version.`,
    flags: ({ seed }) => ({ 'training.seed': seed }),
    run: train,
  });
}

async function train(invocation: Invocation<Options>): Promise<number> {
  const result = await aloneOrBesideStart(invocation, 'train', {
    does: 'trains; waiting for the decision',
    beside: (installation, signal) => followTraining(installation, wanted(invocation), signal),
    alone: async ({ installation, progress, shutdown }) => {
      const { trainer, failed } = await startTrainer(installation, progress, shutdown, { isAlone: true });
      return Promise.race([trainer.train(wanted(invocation), shutdown.signal), failed]);
    },
  });
  printResult(invocation.output, result);
  return EXIT.done;
}

function wanted({ configuration, options }: Invocation<Options>): Wanted {
  const { force = false, model, with: config = {} } = options;
  const models = model === undefined ? [] : [model];
  return { seed: configuration.training.seed, force, models, config };
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
