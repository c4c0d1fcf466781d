import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '#platform/testing';
import type { VersionContents, VersionDescription } from '../port.ts';
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
const contents: VersionContents & { readonly 'items.index': Uint8Array } = {
  'user-tower.onnx': Buffer.from('tower'),
  'items.index': Buffer.from([0, 1, 2, 255]),
  'vocabulary.json': Buffer.from('{}'),
};
const versionFileNames = Object.keys(contents);

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
  assert.equal(format, 2);
  assert.deepEqual(
    listed.map(({ name, bytes }) => [name, bytes]),
    [
      ['items.index', 4],
      ['user-tower.onnx', 5],
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

test('a version may have any files; one that it does not have is said to be missing', async (t) => {
  const store = localArtifacts(temporaryDirectory(t));
  const card = { 'card.md': Buffer.from('# A model') };
  const version = await store.write({ ...description, model: 'other' }, { ...card, ...contents });
  const files = await store.open(version);
  assert.deepEqual(files.names, ['card.md', 'items.index', 'user-tower.onnx', 'vocabulary.json']);
  assert.equal(files.read('card.md').toString(), '# A model');
  assert.throws(() => files.read('item-tower.onnx'), {
    code: 'MR_VERSION_CORRUPT',
    message: /item-tower\.onnx/,
  });
  assert.equal(
    await store.write({ ...description, model: 'other' }, { ...contents, ...card }),
    version,
    'whatever the order',
  );
  for (const name of ['../card.md', '.hidden', 'a/b', '', 'manifest.json']) {
    const refused = { code: 'MR_VERSION_FILE', remedy: 'fix-input' };
    await assert.rejects(store.write(description, { [name]: Buffer.from('x') }), refused);
  }
  assert.deepEqual(await store.list(), [version]);
});

/** A version whose manifest was written by other means, under the name that its bytes give it. */
function handmade(root: string, manifest: object): string {
  const bytes = Buffer.from(JSON.stringify(manifest));
  const place = join(root, createHash('sha256').update(bytes).digest('hex').slice(0, 16));
  mkdirSync(place);
  writeFileSync(join(place, 'manifest.json'), bytes);
  return place;
}

test('a manifest of the first format is read, one of a later build refused, and one that lies found out', async (t) => {
  const root = temporaryDirectory(t);
  const store = localArtifacts(root);
  const { files, ...rest } = (await store.open(await store.write(description, contents))).manifest;
  const first = handmade(root, { ...rest, format: 1, files });
  for (const [name, bytes] of Object.entries(contents)) writeFileSync(join(first, name), bytes);
  assert.deepEqual((await openVersion(first)).read('items.index'), contents['items.index']);
  const later = handmade(root, { ...rest, format: 3, files });
  await assert.rejects(openVersion(later), { code: 'MR_VERSION_CORRUPT', message: /format 3.*newer one/ });
  const outside = [{ name: '../../secret', bytes: 1, sha256: '' }];
  await assert.rejects(openVersion(handmade(root, { ...rest, format: 2, files: outside })), {
    code: 'MR_VERSION_CORRUPT',
    message: /secret/,
  });
  await assert.rejects(openVersion(handmade(root, { ...rest, format: 2, files: [...files, ...files] })), {
    code: 'MR_VERSION_CORRUPT',
  });
});

test('a version is removed whole, and what is not there needs no removing', async (t) => {
  const root = temporaryDirectory(t);
  const store = localArtifacts(root);
  const [kept, gone] = [
    await store.write(description, contents),
    await store.write({ ...description, seed: 2 }, contents),
  ];
  assert.ok((await store.stat(gone)).bytes > 11);
  await store.remove(gone);
  await store.remove(gone);
  await store.remove('../x');
  assert.deepEqual(await store.stat(gone), { bytes: 0, writtenMs: 0 });
  assert.deepEqual(readdirSync(root), [kept]);
  await assert.rejects(store.open(gone), { code: 'MR_VERSION_MISSING' });
});

test('a version is as young as its last writing, also where that found it there', async (t) => {
  const root = temporaryDirectory(t);
  const store = localArtifacts(root);
  const version = await store.write(description, contents);
  utimesSync(join(root, version), 1, 1);
  assert.equal((await store.stat(version)).writtenMs, 1000);
  await store.write(description, contents);
  assert.ok((await store.stat(version)).writtenMs > 1000);
});
