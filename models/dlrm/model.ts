import { FatalError, InputError } from '#platform';
import type { VersionContents } from '../artifact/port.ts';
import type { Calibrator } from '../calibration/calibrator.ts';
import { encodeCheckpoint } from '../checkpoint.ts';
import type { RankingModel } from '../model.ts';
import { type ConfigOf, configured, type Parameters } from '../parameters.ts';
import type { RankingDataset } from '../ranking/dataset.ts';
import { kindWeightParameters } from '../ranking/kind-weights.ts';
import type { RankerInputs } from '../ranking/port.ts';
import { calibrationParameter, trainCalibrated } from '../ranking-networks/calibrated-training.ts';
import { described, openNetwork } from '../ranking-networks/network-files.ts';
import { withResult } from '../training.ts';
import { dlrmParameters } from './config.ts';
import { type Head, headsOf } from './data.ts';
import { fitEncoding, inputsOf, ListEncoder, type ListEncoding } from './list-encoding.ts';
import { rankedBy, scorerOf } from './list-scorer.ts';
import { examplesOf } from './lists.ts';
import type { TrainedDlrm } from './scorer.ts';
import { dlrm } from './train.ts';

const parameters = {
  rankBy: {
    default: 'click',
    choices: rankedBy,
    about:
      'What items are ranked by: the chance that one is taken, that it is bought, or the mean of what it is bought for.',
  },
  calibration: calibrationParameter,
  ...kindWeightParameters,
  historyLength: {
    default: 10,
    range: 'a whole number not below 0',
    most: 10_000,
    about: 'Items of the user’s history that are read, the newest ones.',
    search: [0, 10, 30],
  },
  minRows: {
    default: 10,
    range: 'a whole number above 0',
    about: 'Rows that a user or an item must have for an embedding of its own; rarer ones have none.',
    search: [3, 10, 30],
  },
  hashRows: {
    default: 0,
    range: 'a whole number not below 0',
    most: 100_000_000,
    about:
      'Rows of each table that ids of users and of items are hashed into, whatever their number; 0 gives each id of `minRows` a row.',
  },
  ...dlrmParameters,
  // Lists are fewer than the examples of a data set.
  batchSize: { ...dlrmParameters.batchSize, default: 256, search: [128, 256, 1024] },
} as const satisfies Parameters;

/** What a version says of its network, beside the tables and graphs. */
type Description = Omit<TrainedDlrm, 'embeddings' | 'itemSide' | 'request'> & {
  readonly encoding: ListEncoding;
  readonly rankBy: ConfigOf<typeof parameters>['rankBy'];
};

type Learned = { readonly trained: TrainedDlrm; readonly encoding: ListEncoding };

const ITEM_FILE = 'dlrm-item.onnx';
const REQUEST_FILE = 'dlrm-request.onnx';
const TABLE_FILE = 'dlrm.embeddings';

export const dlrmModel: RankingModel = {
  name: dlrm.model,
  role: 'ranking',
  about: 'ids and features of the user, the item and the two, by the products of their embeddings',
  parameters,
  bases: [],
  historyLength: ({ historyLength = parameters.historyLength.default }) => historyLength as number,
  async open(dataset, config, seed, execution) {
    const options = configured(parameters, config);
    const { rankBy, calibration, completedWeight, likedWeight, boughtWeight, ...network } = options;
    const { historyLength, minRows, hashRows, ...own } = network;
    const inputs = inputsOf(dataset.train);
    return trainCalibrated<Learned>(
      dataset,
      {
        async open(rows) {
          const encoding = fitEncoding(rows, dataset.subjects, { minRows, hashRows, historyLength });
          const data = examplesOf(rows, new ListEncoder(encoding), options);
          if (rankBy !== 'click' && !headsOf(data.train).includes(rankBy)) throw notBought(rankBy);
          const training = await dlrm.open(data, own, seed, execution);
          return withResult(training, (trained) => ({ trained, encoding }));
        },
        scorer: ({ trained, encoding }) => scorerOf(trained, { encoding, inputs, rankBy }),
        files: (learned, calibrator) => filesOf(learned, { dataset, inputs, calibrator, rankBy }),
      },
      // Lists say what was taken, so the chances of other things are not calibrated by them.
      { calibration: rankBy === 'click' ? calibration : 'none', seed },
    );
  },
  objectives: rankedBy,
  ranker: (files, objectives) =>
    openNetwork<Description>(
      files,
      async ({ encoding, rankBy, ...network }, { read, checkpoint }, inputs) => {
        const trained = {
          ...network,
          embeddings: checkpoint(TABLE_FILE).arrays.get('embeddings') as Float32Array,
          itemSide: read(ITEM_FILE),
          request: read(REQUEST_FILE),
        };
        const missing = Object.keys(objectives ?? {}).filter((each) => !trained.heads.includes(each as Head));
        if (missing.length > 0) throw notPredicted(missing);
        return scorerOf(trained, { encoding, inputs, rankBy: objectives ?? rankBy });
      },
      // A weighted sum is no chance.
      { asItScores: objectives !== undefined },
    ),
  retrievalScores: async () => undefined,
};

type Version = {
  readonly dataset: RankingDataset;
  readonly inputs: RankerInputs['inputs'];
  readonly calibrator: Calibrator | null;
  readonly rankBy: Description['rankBy'];
};

function filesOf(
  { trained, encoding }: Learned,
  { dataset: { views }, inputs, calibrator, rankBy }: Version,
): VersionContents {
  const { embeddings, itemSide, request, ...network } = trained;
  return {
    [ITEM_FILE]: itemSide,
    [REQUEST_FILE]: request,
    [TABLE_FILE]: encodeCheckpoint({ arrays: new Map([['embeddings', embeddings]]), values: null }),
    ...described<Description>({ inputs, views, calibrator, network: { ...network, encoding, rankBy } }),
  };
}

function notPredicted(objectives: readonly string[]): FatalError {
  const named = objectives.join(', ');
  return new FatalError('MR_MODEL_OBJECTIVE', `The version was trained without ${named}.`, {
    hint: 'Promote one that was trained on purchases, or change option recommend.objectives.',
  });
}

function notBought(rankBy: string): InputError {
  return new InputError(
    'MR_MODEL_DATA',
    `training data: ranked by ${rankBy}, but of what was taken nothing or everything was bought`,
    { hint: 'Publish purchases, or rank by click.' },
  );
}
