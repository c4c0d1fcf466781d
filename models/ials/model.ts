import { type Checkpoint, type CheckpointArray, restoreArray, unusable } from '../checkpoint.ts';
import type { Dataset } from '../dataset.ts';
import { itemVocabulary, matrixOf, onCpu, validationMetrics } from '../implicit/dataset.ts';
import { FlatIndex } from '../index/flat-index.ts';
import type { RetrievalModel, TrainedModel } from '../model.ts';
import { configured } from '../parameters.ts';
import { ITEM_VECTORS_FILE, VOCABULARY_FILE } from '../serving/port.ts';
import type { Execution, Training } from '../training.ts';
import { Vocabulary } from '../vocabulary.ts';
import { foldingIn, IalsFit, type IalsOptions, ialsParameters } from './fit.ts';

const FOLD_IN_FILE = 'fold-in.json';

type FoldIn = Pick<IalsOptions, 'unobservedWeight' | 'regularisation' | 'frequencyExponent'> & {
  readonly historyLength: number;
};

export const ialsModel: RetrievalModel = {
  name: 'ials',
  role: 'retrieval',
  about: 'the items before, in no order, by a vector that is solved for when an answer is made',
  parameters: ialsParameters,
  needs: (config) => configured(ialsParameters, config),
  open: async (dataset, config, seed, execution) =>
    trainingOf(dataset, { ...configured(ialsParameters, config), seed }, execution),
  // User vectors are solved for at once from item vectors that have been learned, which the next passes then adjust.
  refresh: {
    config: { epochs: 3 },
    warmStart(training, version, { vocabulary: now }) {
      const before = Vocabulary.parse(version.read(VOCABULARY_FILE));
      const known = FlatIndex.load(version.read(ITEM_VECTORS_FILE));
      const { arrays, values } = training.save();
      const items = arrays.get('items') as Float32Array;
      if (items.length !== now.itemCount * known.dim) return;
      for (let item = 0; item < now.itemCount; item++) {
        const row = before.itemIndex(now.itemId(item));
        const vector = row === undefined ? undefined : known.vector(row);
        if (vector !== undefined) items.set(vector, item * known.dim);
      }
      training.restore({ arrays, values });
    },
  },
  serving: {
    kind: 'vectors',
    encoderFiles: [ITEM_VECTORS_FILE, FOLD_IN_FILE],
    async encoder(files) {
      const { historyLength, ...weights } = JSON.parse(
        Buffer.from(files[FOLD_IN_FILE] as Uint8Array).toString(),
      ) as FoldIn;
      const { dim, vectors } = FlatIndex.vectorsIn(files[ITEM_VECTORS_FILE] as Uint8Array);
      const model = foldingIn({ values: vectors, dim }, weights);
      return {
        dim,
        async encode(users) {
          const encoded = new Float32Array(users.length * dim);
          users.forEach(({ history }, row) => {
            const had = Int32Array.from(new Set(history.slice(0, historyLength)));
            encoded.set(model.userVector(had), row * dim);
          });
          return encoded;
        },
        async close() {},
      };
    },
  },
};

type Options = IalsOptions & { readonly historyLength: number };

function trainingOf(dataset: Dataset, options: Options, execution?: Execution): Training<TrainedModel> {
  const fit = new IalsFit(matrixOf(dataset), options);
  const { users, items } = fit;
  const { dim, historyLength, unobservedWeight, regularisation, frequencyExponent } = options;
  let done = 0;
  return {
    epochs: fit.epochs,
    stepsPerEpoch: fit.stepsPerEpoch,
    ...onCpu('ials', execution),
    async step() {
      const loss = fit.step(done % fit.stepsPerEpoch);
      done++;
      return { loss };
    },
    validate: async () => validationMetrics(dataset, fit.fitted()),
    save() {
      const arrays = new Map<string, CheckpointArray>([
        ['users', users.values.slice()],
        ['items', items.values.slice()],
      ]);
      return { arrays, values: { step: done } };
    },
    restore(checkpoint: Checkpoint) {
      const { step } = (checkpoint.values ?? {}) as { readonly step?: number };
      if (step === undefined) throw unusable('it has no position');
      restoreArray(checkpoint, 'users', users.values);
      restoreArray(checkpoint, 'items', items.values);
      fit.changed();
      done = step;
    },
    async result() {
      const foldIn: FoldIn = { historyLength, unobservedWeight, regularisation, frequencyExponent };
      return {
        dimension: dim,
        files: {
          [ITEM_VECTORS_FILE]: FlatIndex.build(items.values, dim).save(),
          [FOLD_IN_FILE]: Buffer.from(JSON.stringify(foldIn)),
          [VOCABULARY_FILE]: itemVocabulary(dataset),
        },
      };
    },
    async close() {},
  };
}
