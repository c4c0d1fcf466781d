import { encodeCheckpoint, WEIGHTS_FILE, weightsOf } from '../checkpoint.ts';
import { vectorBytes } from '../index/vector-bytes.ts';
import type { RetrievalModel } from '../model.ts';
import { saveItemVectors } from '../serving/item-vectors.ts';
import { ITEM_VECTORS_FILE, QUERIES_FILE, VOCABULARY_FILE } from '../serving/port.ts';
import { withResult } from '../training.ts';
import { twoTowerDefaults, twoTowerParameters } from './config.ts';
import { UserEncoder } from './encoder.ts';
import { ItemEncoder } from './item-encoder.ts';
import { twoTower } from './training.ts';
import { UserTower } from './user-tower.ts';
import { warmStart } from './warm-start.ts';

const TOWER_FILE = 'user-tower.onnx';
const ITEM_TOWER_FILE = 'item-tower.onnx';

/** Examples seen in all that a model of this size needs, measured on 80,000 of MovieLens: six passes over those. */
const EXAMPLES_TO_SEE = 500_000;

export const twoTowerModel: RetrievalModel = {
  name: twoTower.model,
  role: 'retrieval',
  about: 'id, profile, history by attention, the moment',
  parameters: twoTowerParameters,
  needs: ({ historyLength = twoTowerDefaults.historyLength, textEncoder }) => ({
    historyLength: historyLength as number,
    ...(textEncoder !== undefined && { textEncoder: textEncoder as string }),
  }),
  async open({ data, vocabulary }, { textEncoder: _, ...config }, seed, execution) {
    const epochs = epochsFor(data.train.user.length);
    const training = await twoTower.open(data, { epochs, ...config }, seed, execution);
    return withResult(training, ({ dim, itemVectors, userTower, itemTower, queries }) => ({
      dimension: dim,
      files: {
        [TOWER_FILE]: userTower,
        // What a text encoder makes of a title is no part of a version.
        ...(data.itemTexts === undefined && { [ITEM_TOWER_FILE]: itemTower }),
        [ITEM_VECTORS_FILE]: saveItemVectors(itemVectors, dim, queries),
        [QUERIES_FILE]: vectorBytes(queries),
        [VOCABULARY_FILE]: vocabulary.toBytes(),
        [WEIGHTS_FILE]: encodeCheckpoint(weightsOf(training.save())),
      },
    }));
  },
  // Weights that have been learned are moved a little, by few examples: docs/decisions/018-refreshes.md says what was measured.
  refresh: { config: { epochs: 4, learningRate: 0.001 }, warmStart },
  serving: {
    kind: 'vectors',
    encoderFiles: [TOWER_FILE],
    isQuick: (files) => UserTower.read(files[TOWER_FILE] as Uint8Array) !== undefined,
    async encoder(files) {
      const encoder = await UserEncoder.load(files[TOWER_FILE] as Uint8Array);
      return {
        dim: encoder.dim,
        encode: (users) =>
          encoder.encode({
            users: Int32Array.from(users, ({ user }) => user),
            histories: users.map(({ history }) => history),
            profile: Int32Array.from(users.flatMap(({ profile }) => profile)),
            context: Int32Array.from(users.flatMap(({ context }) => context)),
          }),
        close: () => encoder.close(),
      };
    },
    items: { file: ITEM_TOWER_FILE, encoder: (tower) => ItemEncoder.load(tower) },
  },
};

/** Passes over the data: more over little of it, so that a small world is learned as well, fewer over much. */
function epochsFor(examples: number): number {
  return Math.min(12, Math.max(2, Math.round(EXAMPLES_TO_SEE / examples)));
}
