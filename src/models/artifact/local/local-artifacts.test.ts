import assert from 'node:assert/strict';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import { type VersionContents, type VersionDescription, versionFileNames } from '../port.ts';
import { localArtifacts, openVersion } from './local-artifacts.ts';

const description: VersionDescription = {
  model: 'two-tower',
  snapshotId: '0123456789abcdef',
  seed: 1,
  dimension: 8,
  itemCount: 3,
  protocol: 'per-user-last-20%',
  metrics: { 'recall@10': 0.5, 'ndcg@10': 0.25 },
  popularity: { 'recall@10': 0.1 },
  decayedPopularity: { 'recall@10': 0.2 },
};
const contents: VersionContents = {
  'user-tower.onnx': Buffer.from('tower'),
  'items.index': Buffer.from([0, 1, 2, 255]),
  'vocabulary.json': Buffer.from('{}'),
};

test('what was written is read back, under the name that its manifest has', async (t) => {
  const root = join(temporaryDirectory(t), 'versions');
  const store = localArtifacts(root);
  assert.deepEqual(await store.list(), []);
  const version = await store.write(description, contents);
  assert.match(version, /^[0-9a-f]{16}$/);
  const files = await store.open(version);
  assert.equal(files.version, version);
  const { format, files: listed, ...described } = files.manifest;
  assert.deepEqual(described, description);
  assert.equal(format, 1);
  assert.deepEqual(
    listed.map(({ name, bytes }) => [name, bytes]),
    [
      ['user-tower.onnx', 5],
      ['items.index', 4],
      ['vocabulary.json', 2],
    ],
  );
  for (const name of versionFileNames) assert.deepEqual(files.read(name), contents[name]);
  assert.deepEqual(await store.list(), [version]);
  assert.deepEqual(readdirSync(root), [version], 'nothing is left beside it');
});

test('the same contents are the same version, whatever the order of the metrics; any change makes another', async (t) => {
  const store = localArtifacts(temporaryDirectory(t));
  const version = await store.write(description, contents);
  const reordered = { ...description, metrics: { 'ndcg@10': 0.25, 'recall@10': 0.5 } };
  assert.equal(await store.write(reordered, contents), version);
  const others = [
    await store.write({ ...description, seed: 2 }, contents),
    await store.write({ ...description, snapshotId: 'f' }, contents),
    await store.write(description, { ...contents, 'items.index': Buffer.from([1]) }),
  ];
  assert.equal(new Set([version, ...others]).size, 4);
});

test('a damaged, shortened, missing or exchanged file is named', async (t) => {
  for (const name of versionFileNames) {
    const store = localArtifacts(temporaryDirectory(t));
    const root = temporaryDirectory(t);
    const version = await localArtifacts(root).write(description, contents);
    const path = join(root, version, name);
    const original = readFileSync(path);
    const refused = { code: 'MR_VERSION_CORRUPT', message: new RegExp(name.replace('.', '\\.')) };
    const flipped = Buffer.from(original);
    flipped[0] = (flipped[0] as number) ^ 1;
    for (const bytes of [flipped, original.subarray(1), Buffer.concat([original, original])]) {
      writeFileSync(path, bytes);
      await assert.rejects(openVersion(join(root, version)), refused);
    }
    rmSync(path);
    await assert.rejects(openVersion(join(root, version)), refused);
    await assert.rejects(store.open(version), { code: 'MR_VERSION_MISSING' });
  }
});

test('a directory that is not what its name says is refused', async (t) => {
  const root = temporaryDirectory(t);
  const version = await localArtifacts(root).write(description, contents);
  const renamed = join(root, '0'.repeat(16));
  renameSync(join(root, version), renamed);
  await assert.rejects(openVersion(renamed), { code: 'MR_VERSION_CORRUPT', message: /manifest\.json/ });
  renameSync(renamed, join(root, version));
  const manifest = join(root, version, 'manifest.json');
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('"seed": 1', '"seed": 7'));
  await assert.rejects(openVersion(join(root, version)), { code: 'MR_VERSION_CORRUPT' });
});

test('a version that is not there is missing, and so is what can be no version', async (t) => {
  const root = temporaryDirectory(t);
  for (const version of ['0'.repeat(16), '', '../x', '.partial-1']) {
    await assert.rejects(localArtifacts(root).open(version), { code: 'MR_VERSION_MISSING' });
  }
  writeFileSync(join(root, '1'.repeat(16)), 'a file');
  await assert.rejects(localArtifacts(root).open('1'.repeat(16)), { code: 'MR_VERSION_MISSING' });
});

test('writing again repairs a damaged version, and clears what a crash has left', async (t) => {
  const root = temporaryDirectory(t);
  const store = localArtifacts(root);
  const version = await store.write(description, contents);
  rmSync(join(root, version, 'items.index'));
  await mkdir(join(root, `.partial-${version}`));
  writeFileSync(join(root, `.partial-${version}`, 'items.index'), 'half');
  assert.equal(await store.write(description, contents), version);
  assert.deepEqual((await store.open(version)).read('items.index'), contents['items.index']);
  assert.deepEqual(readdirSync(root), [version]);
});
