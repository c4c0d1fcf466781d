import type { VersionContents } from '../artifact/port.ts';
import type { Calibrator } from '../calibration/calibrator.ts';
import { type CheckpointArray, encodeCheckpoint } from '../checkpoint.ts';
import type { RankingModel } from '../model.ts';
import { configured, type Parameters } from '../parameters.ts';
import { kindWeightParameters } from '../ranking/kind-weights.ts';
import type { ListScorer } from '../ranking/port.ts';
import { calibrationParameter, trainCalibrated } from '../ranking-networks/calibrated-training.ts';
import { described, openNetwork } from '../ranking-networks/network-files.ts';
import { withResult } from '../training.ts';
import { neuMfParameters } from './config.ts';
import { type LearnedLists, learnedLists } from './lists.ts';
import { NeuMfScorer, type SideRows, type TrainedNeuMf } from './scorer.ts';
import { neuMf } from './train.ts';

const parameters = {
  calibration: calibrationParameter,
  ...kindWeightParameters,
  ...neuMfParameters,
  // Lists are fewer than the pairs of a data set, and most answers show somebody or something new.
  batchSize: { ...neuMfParameters.batchSize, default: 256, search: [128, 256, 1024] },
  unknownShare: { ...neuMfParameters.unknownShare, default: 0.05 },
} as const satisfies Parameters;

/** Whom and what the network knows, by its numbers; all others are the unknown user and the unknown item. */
type Known = Pick<LearnedLists, 'users' | 'items'>;
type Learned = { readonly trained: TrainedNeuMf; readonly known: Known };

const HEAD_FILE = 'neumf-head.onnx';
const TABLES_FILE = 'neumf.tables';

export const neuMfModel: RankingModel = {
  name: neuMf.model,
  role: 'ranking',
  about: 'the ids of the user and of the item, by neural matrix factorisation',
  parameters,
  bases: [],
  async open(dataset, config, seed, execution) {
    const options = configured(parameters, config);
    const { calibration, completedWeight, likedWeight, boughtWeight, ...own } = options;
    return trainCalibrated<Learned>(
      dataset,
      {
        async open(rows) {
          const { data, users, items } = learnedLists(rows, options);
          const training = await neuMf.open(data, own, seed, execution);
          return withResult(training, (trained) => ({ trained, known: { users, items } }));
        },
        scorer: scorerOf,
        files: filesOf,
      },
      { calibration, seed },
    );
  },
  ranker: (files) =>
    openNetwork<Known>(files, (known, { read, checkpoint }) => {
      const { arrays } = checkpoint(TABLES_FILE);
      const side = (name: 'user' | 'item', ids: readonly string[]): SideRows => ({
        rows: ids.length + 1,
        factors: arrays.get(`${name} factors`) as Float32Array,
        hidden: arrays.get(`${name} hidden`) as Float32Array,
      });
      const trained = {
        users: side('user', known.users),
        items: side('item', known.items),
        head: read(HEAD_FILE),
      };
      return scorerOf({ trained, known });
    }),
  retrievalScores: async () => undefined,
};

async function scorerOf({ trained, known }: Learned): Promise<ListScorer> {
  const [users, items] = [known.users, known.items].map(
    (ids) => new Map(ids.map((id, number) => [id, number])),
  ) as [Map<string, number>, Map<string, number>];
  const scorer = await NeuMfScorer.load(trained);
  return {
    inputs: [],
    async score({ asking, items: candidates }) {
      const numbers = Int32Array.from(candidates, (id) => items.get(id) ?? -1);
      return Float64Array.from(await scorer.score(users.get(asking.user) ?? -1, numbers));
    },
    close: () => scorer.close(),
  };
}

function filesOf({ trained, known }: Learned, calibrator: Calibrator | null): VersionContents {
  const { users, items, head } = trained;
  const arrays = new Map<string, CheckpointArray>();
  for (const [name, { factors, hidden }] of Object.entries({ user: users, item: items })) {
    arrays.set(`${name} factors`, factors);
    arrays.set(`${name} hidden`, hidden);
  }
  return {
    [HEAD_FILE]: head,
    [TABLES_FILE]: encodeCheckpoint({ arrays, values: null }),
    ...described<Known>({ inputs: [], views: {}, calibrator, network: known }),
  };
}
