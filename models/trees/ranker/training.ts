import type { VersionContents } from '../../artifact/port.ts';
import type { RetrievalModel, TrainedModel } from '../../model.ts';
import type { ModelConfig } from '../../parameters.ts';
import type { RankingDataset, RankingRows } from '../../ranking/dataset.ts';
import { openItemScorer } from '../../serving/item-scorer.ts';
import { type Execution, type Training, withResult } from '../../training.ts';
import { boostedTrees } from '../boosting.ts';
import type { Column } from '../ensemble.ts';
import { type TreeOptions, treeParameters } from '../parameters.ts';
import { saveTrees } from '../storage.ts';
import type { TrainingRows } from '../training-rows.ts';
import { scoresOfRows } from './base-scores.ts';
import { baseFile, describeRanker, RANKER_FILE, scoreColumn, TREES_FILE } from './files.ts';
import { type Phase, PhasedTraining } from './phases.ts';

/** Read in training alone: what is higher up is taken more often, whatever it is. Answers are scored as if all were first. */
export const POSITION: Column = { name: 'position' };

export type RankerTraining = {
  readonly bases: readonly RetrievalModel[];
  readonly config: ModelConfig;
  readonly seed: number;
  readonly execution?: Execution | undefined;
};

/**
 * Trees over features and the scores of base models, which are trained twice: on what was done before the rows that the
 * trees learn from, so that no score has seen its label, and on all, to be served. Errors: MR_MODEL_DATA, MR_MODEL_CONFIG.
 */
export async function trainRanker(
  dataset: RankingDataset,
  { bases, config, seed, execution }: RankerTraining,
): Promise<Training<TrainedModel>> {
  const options: TreeOptions = { loss: 'lambdamart', ...config };
  const learned = async (part: 'before' | 'whole'): Promise<Phase[]> => {
    const data = dataset.retrieval?.[part];
    if (data === undefined) return [];
    return Promise.all(
      bases.map(async (base): Promise<Phase> => {
        const training = await base.open(data, {}, seed, execution);
        const steps = training.epochs * training.stepsPerEpoch;
        await training.close();
        return { steps, open: () => base.open(data, {}, seed, execution) };
      }),
    );
  };
  const [before, whole] = [await learned('before'), await learned('whole')];
  const trees: Phase = {
    steps: options.trees ?? treeParameters.trees.default,
    async open(results) {
      const rowsOf = (rows: RankingRows) => withScores(rows, bases, results.slice(0, before.length));
      const data = {
        train: await rowsOf(dataset.train),
        ...(dataset.validation && { validation: await rowsOf(dataset.validation) }),
      };
      const training = await boostedTrees.open(data, options, seed, execution);
      return withResult(training, (ensemble) => ({
        dimension: 0,
        files: {
          [TREES_FILE]: saveTrees(ensemble),
          [RANKER_FILE]: describeRanker(dataset, bases),
          ...baseFiles(bases, results.slice(before.length)),
        },
      }));
    },
  };
  return PhasedTraining.open([...before, ...whole, trees]);
}

/** The rows with what each base model scored them, and their place in the answer. */
async function withScores(
  { columns, rows, values, grades, lists, positions, ...shown }: RankingRows,
  bases: readonly RetrievalModel[],
  versions: readonly TrainedModel[],
): Promise<TrainingRows> {
  const more: Float32Array[] = [];
  for (const [place, base] of bases.entries()) {
    const { files } = versions[place] as TrainedModel;
    const scorer = await openItemScorer(base.serving, (name) => files[name] as Uint8Array);
    more.push(await scoresOfRows(scorer, { rows, ...shown }));
    await scorer.close();
  }
  more.push(positions);
  const width = columns.length + more.length;
  const wider = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    wider.set(values.subarray(row * columns.length, (row + 1) * columns.length), row * width);
    more.forEach((column, i) => {
      wider[row * width + columns.length + i] = column[row] as number;
    });
  }
  return {
    columns: [...columns, ...bases.map(({ name }) => scoreColumn(name)), POSITION],
    rows,
    values: wider,
    labels: grades,
    groups: lists,
  };
}

function baseFiles(bases: readonly RetrievalModel[], versions: readonly TrainedModel[]): VersionContents {
  return Object.fromEntries(
    bases.flatMap(({ name: base }, place) => {
      const { files } = versions[place] as TrainedModel;
      return Object.entries(files).map(([name, bytes]) => [baseFile(base, name), bytes]);
    }),
  );
}
