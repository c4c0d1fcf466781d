import { encodeCheckpoint, WEIGHTS_FILE, weightsOf } from '../checkpoint.ts';
import type { Dataset } from '../dataset.ts';
import type { RetrievalModel } from '../model.ts';
import { saveItemVectors } from '../serving/item-vectors.ts';
import { ITEM_VECTORS_FILE, VOCABULARY_FILE } from '../serving/port.ts';
import { withResult } from '../training.ts';
import { sequentialDefaults, sequentialParameters } from './config.ts';
import type { SequentialData } from './data.ts';
import { SequentialEncoder } from './encoder.ts';
import { sequential } from './train.ts';

const TOWER_FILE = 'user-tower.onnx';

export const sequentialModel: RetrievalModel = {
  name: sequential.model,
  role: 'retrieval',
  about: 'the items before, in their order, by self-attention',
  parameters: sequentialParameters,
  needs: ({ historyLength = sequentialDefaults.historyLength }) => ({
    historyLength: historyLength as number,
  }),
  async open(dataset, config, seed, execution) {
    const training = await sequential.open(sequencesOf(dataset), config, seed, execution);
    return withResult(training, ({ dim, itemVectors, userTower }) => ({
      dimension: dim,
      files: {
        [TOWER_FILE]: userTower,
        [ITEM_VECTORS_FILE]: saveItemVectors(itemVectors, dim),
        [VOCABULARY_FILE]: dataset.vocabulary.toBytes(),
        [WEIGHTS_FILE]: encodeCheckpoint(weightsOf(training.save())),
      },
    }));
  },
  serving: {
    kind: 'vectors',
    encoderFiles: [TOWER_FILE],
    async encoder(files) {
      const encoder = await SequentialEncoder.load(files[TOWER_FILE] as Uint8Array);
      return {
        dim: encoder.dim,
        encode: (users) => encoder.encode(users.map(({ history }) => history)),
        close: () => encoder.close(),
      };
    },
  },
};

/** What each user had, in the order of time; of the validation part, what they had next. */
function sequencesOf({ data: { items, users, train, validation } }: Dataset): SequentialData {
  const own = Array.from({ length: users }, (): number[] => []);
  train.user.forEach((user, row) => {
    own[user]?.push(train.item[row] as number);
  });
  const offsets = new Int32Array(users + 1);
  own.forEach((list, user) => {
    offsets[user + 1] = (offsets[user] as number) + list.length;
  });
  const next = new Map<number, number>();
  validation?.user.forEach((user, row) => {
    if (!next.has(user)) next.set(user, validation.item[row] as number);
  });
  return {
    items,
    histories: { offsets, ids: Int32Array.from(own.flat()) },
    ...(next.size > 0 && {
      validation: { users: Int32Array.from(next.keys()), items: Int32Array.from(next.values()) },
    }),
  };
}
