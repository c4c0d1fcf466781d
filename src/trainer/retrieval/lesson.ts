import { join } from 'node:path';
import { checkedNeeds, type Dataset, openVersion, type RetrievalModel, servingOf } from '#models';
import { withScratchDuckDb } from '#offline';
import type { Judgement, Lesson, VersionTraining } from '../lesson.ts';
import { type DatasetOptions, readDataset } from './dataset.ts';
import { judge, judgeScores, rowsToJudge } from './evaluation.ts';
import { withTitleVectors } from './title-vectors.ts';
import { scoresOf } from './user-scores.ts';

/** To find items: learned from pairs of users and items, judged by where a ranking of all has those that are held out. */
export async function retrievalLesson(
  model: RetrievalModel,
  { snapshot, dataDirectory, seed, config, execution, judgedBy = 'test', base }: VersionTraining,
): Promise<Lesson> {
  const dataset = await readRetrieval(model, {
    directory: join(dataDirectory, snapshot.directory),
    dataDirectory,
    config,
    options: {
      judgedBy,
      ...(base && { learnedBefore: join(dataDirectory, base.snapshotDirectory) }),
    },
  });
  const rows = rowsToJudge(dataset);
  const users = [...rows.heldOut.keys()];
  return {
    items: dataset.data.items,
    textEncoder: dataset.textEncoder,
    card: {
      use: [
        'Retrieval: the items that a user may take to next, out of the whole catalogue, from who they are and what they took',
        'to last. It learned from what people were shown and chose here; it says nothing of users and items of another place,',
        'and of why somebody chose.',
      ],
      data: [
        `learned from ${dataset.data.train.user.length} positives of ${dataset.users.length - 1} users`,
        `judged by ${dataset.heldOut.user.length} pairs of user and item, protocol \`${snapshot.protocol}\``,
      ],
    },
    async open() {
      const training = await model.open(dataset, config, seed, execution);
      if (base !== undefined) {
        const files = await openVersion(join(dataDirectory, base.versionDirectory));
        model.refresh?.warmStart?.(training, files, dataset);
      }
      return training;
    },
    async judge(files) {
      const read = (name: string) => files[name] as Uint8Array;
      return judge(dataset, rows, await scoresOf({ serving: model.serving, read }, dataset, users));
    },
    async judgeOther(version): Promise<Judgement | undefined> {
      const serving = servingOf(version.manifest.model);
      const read = (name: string) => version.read(name);
      return serving && judgeScores(await scoresOf({ serving, read }, dataset, users), rows);
    },
  };
}

type Reading = {
  /** The snapshot's. */
  readonly directory: string;
  readonly dataDirectory: string;
  /** Configuration of the model. */
  readonly config: VersionTraining['config'];
  readonly options: Omit<DatasetOptions, 'historyLength'>;
};

/** What a model learns from, with what it needs. Errors: as readDataset and withTitleVectors; MR_MODEL_CONFIG. */
export async function readRetrieval(
  model: RetrievalModel,
  { directory, dataDirectory, config, options }: Reading,
): Promise<Dataset> {
  const { historyLength, textEncoder } = checkedNeeds(model, config);
  const dataset = await withScratchDuckDb((database) =>
    readDataset(database, directory, { historyLength, ...options }),
  );
  return textEncoder === undefined
    ? dataset
    : withTitleVectors(dataset, { path: textEncoder, dataDirectory });
}
