import assert from 'node:assert/strict';
import { it } from 'node:test';
import { localArtifacts, openIndex, Vocabulary } from '#models';
import { temporaryDirectory } from '#platform/testing';
import { tinyModel } from '../testing/tiny-model.ts';
import { VersionLoader } from './version-loader.ts';

const NONE = { metrics: {}, popularity: {}, decayedPopularity: {} };

it('hands over what reading the files here would have given, and is gone', async (t) => {
  const root = temporaryDirectory(t);
  const { contents } = await tinyModel(16, 1);
  const described = {
    model: 'two-tower',
    snapshotId: '',
    seed: 1,
    dimension: 16,
    itemCount: 60,
    protocol: '',
  };
  const version = await localArtifacts(root).write({ ...described, ...NONE }, contents);
  const loader = await VersionLoader.open({ dataDirectory: root }, version);
  assert.equal(loader.version, version);
  const files = await loader.files(['user-tower.onnx']);
  const [vocabulary, index] = [await loader.vocabulary(), await loader.index({})];
  await loader.close();
  assert.deepEqual(Buffer.from(files['user-tower.onnx'] ?? []), Buffer.from(contents['user-tower.onnx']));
  assert.deepEqual(vocabulary.toBytes(), Vocabulary.parse(contents['vocabulary.json']).toBytes());
  assert.equal(vocabulary.itemIndex('item-07'), 7);
  const own = openIndex(contents['items.index']);
  const query = new Float32Array(16).fill(0.25);
  assert.deepEqual(index.search(query, 60), own.search(query, 60));
  await assert.rejects(loader.vocabulary(), { code: 'MR_INFERENCE_ENDED' });
});

it('refuses what is not there by the code of reading it', async (t) => {
  const data = { dataDirectory: temporaryDirectory(t) };
  await assert.rejects(VersionLoader.open(data, '0123456789abcdef'), { code: 'MR_VERSION_MISSING' });
});
