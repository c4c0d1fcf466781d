import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';

const door = JSON.stringify(join(import.meta.dirname, '../../../models/index.ts'));

/** Users as the mean of random vectors of the items that they had. */
const model = `
  import { configured, ITEM_VECTORS_FILE, itemVocabulary, onCpu, readItemVectors, saveItemVectors, seededRandom, VOCABULARY_FILE } from ${door};
  const parameters = { width: { default: 4, range: 'a whole number above 0', about: 'Length of the vectors.' } };
  export default {
    name: 'mean-item', role: 'retrieval', about: 'the mean of the items before', parameters,
    needs: () => ({ historyLength: 5 }),
    async open(dataset, config, seed, execution) {
      const { width } = configured(parameters, config);
      const random = seededRandom(seed);
      const vectors = Float32Array.from({ length: dataset.data.items * width }, () => random.integer(100) / 100 + 0.01);
      return {
        epochs: 1, stepsPerEpoch: 1, ...onCpu('mean-item', execution),
        step: async () => ({ loss: 0 }), validate: async () => undefined,
        save: () => ({ arrays: new Map(), values: null }), restore() {}, async close() {},
        result: async () => ({
          dimension: width,
          files: { [ITEM_VECTORS_FILE]: saveItemVectors(vectors, width), [VOCABULARY_FILE]: itemVocabulary(dataset) },
        }),
      };
    },
    serving: {
      kind: 'vectors', encoderFiles: [ITEM_VECTORS_FILE],
      async encoder(files) {
        const { dim, vectors } = readItemVectors(files[ITEM_VECTORS_FILE]);
        const encode = async (users) => {
          const encoded = new Float32Array(users.length * dim);
          users.forEach(({ history }, row) => history.slice(0, 5).forEach((item) => {
            for (let d = 0; d < dim; d++) encoded[row * dim + d] += vectors[item * dim + d] / 5;
          }));
          return encoded;
        };
        return { dim, encode, async close() {} };
      },
    },
  };`;

it('a model of a module is trained, published, loaded and answers; without its module nothing else goes wrong', {
  timeout: 600_000,
}, async (t) => {
  const configuration = {
    ...smallWorld,
    training: { modelModules: ['./mean-item.ts'], models: ['mean-item'] },
    models: { 'mean-item': { width: 6 } },
  };
  const { directory, begin, run, print } = commandLine(t, configuration);
  const refused = await run(['start']);
  assert.equal(refused.code, 2);
  assert.match(
    refused.err,
    /^error MR_MODEL_MODULE: The module .\/mean-item.ts does not exist\.\nhint: .*\n$/,
  );

  writeFileSync(join(directory, 'mean-item.ts'), model);
  const start = begin(['start', '--json']);
  const [, text = ''] = await start.until(/^(\{.*"url".*\})$/m);
  const { url, version } = JSON.parse(text) as { readonly url: string; readonly version: string };
  const answer = async () => {
    const response = await fetch(`${url}/recommend/u1?k=5`, { headers: { connection: 'close' } });
    return (await response.json()) as { version: string; items: { source: string }[] };
  };
  const { version: served, items } = await answer();
  assert.equal(served, version);
  assert.ok(items.some(({ source }) => source === 'index'));
  const [listed] = jsonLines<{ kind: string; dimension: number }>((await print(['versions', '--json'])).out);
  assert.deepEqual([listed?.kind, listed?.dimension], ['mean-item', 6]);
  assert.equal((await start.signal('SIGINT')).code, 0);

  const unset = ['--set', 'training.modelModules=[]', '--set', 'training.models=["ease"]'];
  const unknown = await run(['recommend', 'u1', ...unset]);
  assert.equal(unknown.code, 2, 'models.mean-item is no option then');
});
