/** `millrace versions publish DIR`: a model that was trained elsewhere becomes a version. */

import { Command } from 'commander';
import type { OutsideModel } from '#models';
import { readSnapshots } from '#offline';
import { errorCode } from '#platform';
import { type Installation, requireData } from '#service';
import { type OutsideJudgement, publishCandidate, storeExternalModel } from '#versions';
import { defineCommand, EXIT, type Invocation } from '../command.ts';
import { notice, type Output } from '../output.ts';
import { judgedOn } from '../training/judging.ts';
import { withRegistry } from './registry.ts';

export function publishCommand(): Command {
  return defineCommand({
    command: new Command('publish')
      .description('Verify a model that was trained elsewhere, store it, and submit it for promotion.')
      .argument('<dir>', 'directory with model.json and the files that it names'),
    examples: [
      ['millrace versions publish exported', 'verified, stored, registered'],
      ['millrace promote VERSION', 'then: it ranks what the version in force retrieves'],
    ],
    notes: `
model.json describes a ranker, with its inputs by features of views, or a model that finds items, with their vectors and an
encoder of users: see docs/MODELS.md. It is judged on the held-out part of the newest snapshot, as "millrace evaluate" does, and
by what it states where there is none; then it awaits approval. The same directory and snapshot have the same version.`,
    run: (invocation, [directory = '']) => publish(invocation, directory),
  });
}

async function publish(invocation: Invocation<object>, directory: string): Promise<number> {
  const { configuration, output } = invocation;
  requireData(configuration);
  const done = await withRegistry(invocation, 'publish', async (installation, { actor, ...asking }) => {
    const { data: dataDirectory, features } = configuration;
    const { files } = installation;
    const { candidate, name } = await storeExternalModel(directory, {
      dataDirectory,
      files,
      modules: features.modules,
      judge: (model) => judgeOutside(installation, model, output),
    });
    return { name, ...(await publishCandidate(asking, candidate, actor)) };
  });
  const { version, status, reason, name } = done;
  if (output.json) {
    output.value({ version, status, reason, name });
    return EXIT.done;
  }
  output.line(`version ${version} (${name}) ${status}${reason === null ? '' : `: ${reason}`}`);
  if (status === 'staged') output.line(`Next: millrace promote ${version} (with the same --data).`);
  return EXIT.done;
}

/** By the newest snapshot; undefined where there is none, or where it holds nothing out that such a model is judged by. */
async function judgeOutside(
  installation: Installation,
  { model, contents }: OutsideModel,
  output: Output,
): Promise<OutsideJudgement | undefined> {
  const snapshot = (await readSnapshots(installation)).at(-1);
  if (snapshot === undefined) return undefined;
  try {
    const judged = await judgedOn(snapshot, { model, files: contents }, installation);
    return {
      metrics: judged.model.metrics,
      popularity: judged.popularity.metrics,
      decayed_popularity: judged.decayedPopularity.metrics,
      intervals: judged.intervals,
      protocol: `${snapshot.protocol}, snapshot ${snapshot.snapshot_id}`,
    };
  } catch (error) {
    if (!NOTHING_TO_JUDGE_BY.includes(errorCode(error) ?? '')) throw error;
    notice(
      output,
      `Its own figures count, since the newest snapshot can't judge it: ${(error as Error).message}`,
    );
    return undefined;
  }
}

const NOTHING_TO_JUDGE_BY = [
  'MR_TRAINING_FEATURES',
  'MR_TRAINING_NO_LISTS',
  'MR_TRAINING_NOTHING_HELD_OUT',
  'MR_TRAINING_ONE_CLASS',
];
